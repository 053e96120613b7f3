"""All that is known of one task, and what its id says."""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Callable
from typing import Any, Self

from taskqueue_edu.facts import Failure, Submission
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.task import Task, TaskStatus


class TaskRecord(Submission):
    """All that is known of one task. Only the registry writes it, under its lock.

    Times are in nanoseconds since 1970, 0 for not yet; `ready` is from when on it could run, or
    can run again. `value` is the result, as JSON bytes where the store keeps JSON. What was asked
    for (`task`, `payload`, `retry`) is dropped when the task can't run again.
    """

    __slots__ = (
        "attempt",
        "failure",
        "finished",
        "future",
        "id",
        "position",
        "ready",
        "reason",
        "recoveries",
        "started",
        "status",
        "submitted",
        "value",
        "waiters",
        "worker",
    )

    def __init__(
        self,
        id: str,  # noqa: A002
        type: str,  # noqa: A002
        task: Task[Any] | None,
        payload: bytes | None,
        priority: int = 0,
        due: float | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        # Not left to `super()`, with which making a record takes half as long again.
        self.type, self.task, self.payload = type, task, payload
        self.priority, self.due, self.retry = priority, due, retry
        self.id = id
        self.status: TaskStatus | None = None
        self.attempt = self.recoveries = self.position = 0
        self.submitted = self.ready = self.started = self.finished = 0
        self.worker = self.reason = ""
        self.value: Any = None
        self.failure: Failure | None = None
        self.waiters: list[Callable[[TaskRecord], None]] | None = None
        self.future: Any = None

    @classmethod
    def of(cls, task_id: str, asked: Submission) -> Self:
        """Return the record of a task that somebody asks for."""
        return cls(
            task_id,
            asked.type,
            asked.task,
            asked.payload,
            asked.priority,
            asked.due,
            asked.retry,
        )


_forks = 0


def _count_fork() -> None:
    global _forks
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_fork)


class Ids:
    """Makes the ids of the tasks that this process submits: `prefix-number`, counted from 1."""

    def __init__(self) -> None:
        # 48 random bits: with 100,000 processes on one journal, two share a prefix with a
        # chance of 1 in 50,000.
        self._prefix = secrets.token_hex(6)
        self._forks = _forks
        self._numbers = itertools.count(1)

    def __call__(self) -> str:
        """Return an id that no other process makes."""
        if self._forks != _forks:  # a fork copied the prefix and the counter
            self._prefix, self._forks = secrets.token_hex(6), _forks
        return f"{self._prefix}-{next(self._numbers)}"


def split_id(task_id: str) -> tuple[str, int]:
    """Split an id into the prefix of the process and the number within it."""
    prefix, _, number = task_id.rpartition("-")
    counted = number.isdecimal() and number.isascii() and len(number) < 19
    return prefix, int(number) if counted else 2**63
