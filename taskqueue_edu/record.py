"""All that is known of one task, and what its id says."""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Callable
from typing import Any

from taskqueue_edu.facts import Failure, Submission
from taskqueue_edu.task import TaskStatus


class TaskRecord:
    """All that is known of one task. Only the registry writes it, under its lock.

    Times are in nanoseconds since 1970, 0 for not yet. `value` is the result, as JSON bytes
    where the store keeps JSON. `submission` is dropped when it can't be needed again.
    """

    __slots__ = (
        "attempt",
        "due",
        "failure",
        "finished",
        "future",
        "id",
        "position",
        "priority",
        "reason",
        "recoveries",
        "started",
        "status",
        "submission",
        "submitted",
        "type",
        "value",
        "waiters",
        "worker",
    )

    def __init__(self, id: str, submission: Submission) -> None:  # noqa: A002
        self.id = id
        self.type = submission.type
        self.priority = submission.priority
        self.due = submission.due
        self.submission: Submission | None = submission
        self.status: TaskStatus | None = None
        self.attempt = 0
        self.recoveries = 0
        self.submitted = self.started = self.finished = 0
        self.worker = ""
        self.value: Any = None
        self.failure: Failure | None = None
        self.reason = ""
        self.waiters: list[Callable[[TaskRecord], None]] | None = None
        self.future: Any = None
        self.position = 0


class Ids:
    """Makes the ids of the tasks that this process submits: `prefix-number`, counted from 1."""

    def __init__(self) -> None:
        # 48 random bits: with 100,000 processes on one journal, two share a prefix with a
        # chance of 1 in 50,000.
        self._prefix = secrets.token_hex(6)
        self._pid = os.getpid()
        self._numbers = itertools.count(1)

    def __call__(self) -> str:
        """Return an id that no other process makes."""
        if os.getpid() != self._pid:  # a fork copied the prefix and the counter
            self._prefix, self._pid = secrets.token_hex(6), os.getpid()
        return f"{self._prefix}-{next(self._numbers)}"


def split_id(task_id: str) -> tuple[str, int]:
    """Split an id into the prefix of the process and the number within it."""
    prefix, _, number = task_id.rpartition("-")
    counted = number.isdecimal() and number.isascii() and len(number) < 19
    return prefix, int(number) if counted else 2**63
