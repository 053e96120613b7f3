"""What a monitor can watch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from taskqueue_edu.factlog import Block
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.task import TaskStatus


class Source(Protocol):
    """What a monitor can watch: a registry, the journal of another process, a recording."""

    def log_since(self, cursor: int) -> tuple[list[Block], int, int]:
        """Return the log from fact number `cursor` on, its end, and how many tasks wait then."""

    def counts(self) -> dict[TaskStatus, int]:
        """Return how many of the kept tasks are in each status."""

    def totals(self) -> dict[str, int]:
        """Return how often each kind of fact has happened."""

    def records(self) -> Sequence[TaskRecord]:
        """Return the records of all kept tasks, oldest first."""

    def running(self) -> Sequence[TaskRecord]:
        """Return the records of the tasks that are running."""

    def now(self) -> int:
        """Return the time that it is there, in nanoseconds since 1970."""
