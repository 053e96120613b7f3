"""All that is known of one task, and what its id says."""

from __future__ import annotations

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


def split_id(task_id: str) -> tuple[str, int]:
    """Split an id into the prefix of the process and the number within it."""
    prefix, _, number = task_id.rpartition("-")
    return prefix, int(number) if number.isdecimal() and number.isascii() else 2**63
