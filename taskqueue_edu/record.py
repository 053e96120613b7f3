"""All that is known of one task, and what its id says."""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from taskqueue_edu.facts import Failure, Submission
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.task import Task, TaskStatus


@dataclass(slots=True, eq=False)
class TaskRecord:
    """All that is known of one task. Only the registry writes it, under its lock.

    It begins with what was asked for, as a Submission has it: `task`, `payload` and `retry` are
    dropped when the task can't run again. Times are in nanoseconds since 1970, 0 for not yet;
    `ready` is from when on it could run, or can run again. `value` is the result, as JSON bytes
    where the store keeps JSON.
    """

    id: str
    type: str
    task: Task[Any] | None
    payload: bytes | None
    priority: int = 0
    due: float | None = None
    retry: RetryPolicy | None = None
    status: TaskStatus | None = None
    attempt: int = 0
    recoveries: int = 0
    position: int = 0
    submitted: int = 0
    ready: int = 0
    started: int = 0
    finished: int = 0
    worker: str = ""
    reason: str = ""
    value: Any = None
    failure: Failure | None = None
    waiters: list[Callable[[TaskRecord], None]] | None = None
    future: Any = None

    @classmethod
    def of(cls, task_id: str, asked: Submission) -> Self:
        """Return the record of a task that somebody asks for."""
        return cls(
            task_id, asked.type, asked.task, asked.payload, asked.priority, asked.due, asked.retry
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
