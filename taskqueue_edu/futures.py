"""A task as a `concurrent.futures.Future`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, Final, TypeAlias

from taskqueue_edu.errors import TaskQueueError
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.registry import Registry
from taskqueue_edu.task import TaskStatus

Outcome: TypeAlias = Callable[[TaskRecord], tuple[Any, BaseException | None]]
Cancel: TypeAlias = Callable[[TaskRecord, str], bool]

_REASON: Final = "cancelled through its future"

# Guards `_began` of every TaskFuture and the making of each record's `future`: one task, one
# future, and each leaves PENDING once. Taken only for tasks that somebody wants a future of.
_lock = threading.Lock()


class TaskFuture(Future[Any]):
    """Follows one task. `cancel` cancels the task.

    It stays RUNNING while a failed task waits for its next try: a standard Future has no way
    back to PENDING. Cancelling such a task works, and ends the future with TaskCancelled.
    """

    def __init__(self, record: TaskRecord, outcome: Outcome, cancel: Cancel) -> None:
        super().__init__()
        self.task_id = record.id
        self._outcome: Outcome | None = outcome
        self._cancel: Callable[[], bool] | None = partial(cancel, record, _REASON)
        self._began = False

    def note_started(self) -> None:
        """Go from PENDING to RUNNING, once."""
        with _lock:
            if not self._began:
                self._began = True
                self.set_running_or_notify_cancel()

    def note_finished(self, record: TaskRecord) -> None:
        """Take over the outcome of the task."""
        with _lock:
            began, self._began = self._began, True
            # A future may outlive its queue: it must not keep the record alive.
            outcome, self._outcome, self._cancel = self._outcome, None, None
        if record.status is TaskStatus.CANCELLED and not began:
            try:
                super().cancel()  # calls the callbacks, which may raise SystemExit
            finally:
                self.set_running_or_notify_cancel()  # tells `wait` and `as_completed`
            return
        assert outcome is not None
        result, error = outcome(record)
        if error is not None:
            self.set_exception(error)
        else:
            self.set_result(result)

    def cancel(self) -> bool:
        """Cancel the task; True if it will not run, or not again."""
        cancel = self._cancel
        try:
            return self.cancelled() or (cancel is not None and cancel())
        except TaskQueueError:  # the queue has ended; who cancels a Future expects no error
            return False


def attach_future(record: TaskRecord, outcome: Outcome, cancel: Cancel) -> Future[Any]:
    """Give a task that is not yet submitted its future."""
    future = record.future = TaskFuture(record, outcome, cancel)
    record.waiters = [future.note_finished]
    return future


def future_of(
    registry: Registry, record: TaskRecord, outcome: Outcome, cancel: Cancel
) -> Future[Any]:
    """Return the future of a submitted task, making it if this is the first time."""
    with _lock:
        existing: TaskFuture | None = record.future
        if existing is not None:
            return existing
        future = record.future = TaskFuture(record, outcome, cancel)
    if record.status is TaskStatus.RUNNING:
        future.note_started()
    if not registry.when_finished(record, future.note_finished):
        future.note_finished(record)
    return future
