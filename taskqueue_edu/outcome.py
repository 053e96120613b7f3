"""What whoever waits for a task gets in the end: its value, or an error to raise."""

from __future__ import annotations

from typing import Any

from taskqueue_edu.catalogue import catalogue
from taskqueue_edu.errors import TaskCancelled, TaskDead, TaskFailed
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.registry import Registry
from taskqueue_edu.task import TaskStatus


def outcome_of(registry: Registry, record: TaskRecord) -> tuple[Any, BaseException | None]:
    """Return the value of a finished task, or the error to raise."""
    what = f"task {record.id} ({record.type})"
    try:
        registry.confirm(record)
        if record.status is TaskStatus.SUCCEEDED:
            if registry.store.json:
                return catalogue.decode_result(record.type, record.value), None
            return record.value, None
    except BaseException as unreadable:  # the result's own __post_init__ runs in there
        return None, unreadable
    if record.status is TaskStatus.CANCELLED:
        return None, TaskCancelled(f"{what} was cancelled: {record.reason}", task_id=record.id)
    if record.status is TaskStatus.DEAD:
        return None, TaskDead(f"{what} is dead: {record.reason}", task_id=record.id)
    failure = record.failure
    if failure is None:  # it was dead until a moment ago, and has been revived since
        return None, TaskDead(f"{what} was dead: {record.reason}", task_id=record.id)
    error = TaskFailed(
        f"{what} failed in attempt {record.attempt}: {failure.type}: {failure.message}",
        task_id=record.id,
    )
    error.__cause__ = failure.exception
    error.exception_type = failure.type
    if failure.exception is None and failure.traceback:
        error.add_note(f"Where it happened:\n{failure.traceback}")
    return None, error


def own_outcome(registry: Registry, record: TaskRecord) -> tuple[Any, BaseException | None]:
    """Return the same, but for a task that failed its own exception: as executors have it."""
    value, error = outcome_of(registry, record)
    if isinstance(error, TaskFailed) and error.__cause__ is not None:
        error = error.__cause__
    return value, error
