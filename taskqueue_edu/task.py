"""What a task is, and what it can see of itself while it runs."""

from __future__ import annotations

import threading
import time
from contextvars import ContextVar
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from taskqueue_edu.errors import TaskCancelled, TaskReleased

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


# Not Protocol[T_co], which is the same: msgspec can't read the fields of a subclass of that.
@runtime_checkable
class Task(Protocol, Generic[T_co]):
    """Anything with `execute()`. No base class is needed: the shape is enough.

    `isinstance(x, Task)` sees only that the method is there, not its signature or its result.
    """

    def execute(self) -> T_co:
        """Do the work and return its result, or raise."""
        ...


class TaskId(str, Generic[T]):
    """The id of a task whose result is a `T`: the type parameter is for the type checker.

    `submit` returns a plain `str` at run time, typed as `TaskId[T]`, since a str subclass
    costs more to make and to look up. `TaskId[int](text)` gives an id from elsewhere its type.
    """

    __slots__ = ()


class TaskStatus(StrEnum):
    """Where a task is in its life. `state.py` says which steps are legal."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DEAD = "dead"

    __hash__ = str.__hash__  # Enum's own is a call in Python, several times for every task

    @property
    def finished(self) -> bool:
        """True if nothing more happens to the task by itself."""
        return self not in (TaskStatus.PENDING, TaskStatus.RUNNING)


# Guards `_request` and `_sleepers` of every RunningTask, so that a request that arrives just
# before a sleep is seen by it. One lock for all: it is taken only to sleep and to stop.
_requests = threading.Lock()


class RunningTask:
    """One run of one task: what a worker claims, and what `current_task()` returns.

    A thread can't be stopped from outside. So cancelling is a request: the task sees it in
    `cancelled`, or answers it at a *checkpoint*, a call of `checkpoint`, `progress` or `sleep`.
    """

    __slots__ = ("_request", "_sleepers", "attempt", "done", "id", "task", "total", "worker")

    def __init__(self, id: str, task: Task[Any] | None, attempt: int, worker: str) -> None:  # noqa: A002
        self.id = id
        self.task = task
        self.attempt = attempt
        self.worker = worker
        self.done = 0
        self.total = 0
        self._request: BaseException | None = None
        self._sleepers: tuple[Any, ...] = ()

    @property
    def cancelled(self) -> bool:
        """True once somebody asked this task to stop."""
        return isinstance(self._request, TaskCancelled)

    @property
    def released(self) -> bool:
        """True if the request to stop came from a worker that gives the task back."""
        return isinstance(self._request, TaskReleased)

    @property
    def unwanted(self) -> str | None:
        """Why the task shall not run again either, if a client asked to cancel it."""
        request = self._request
        if isinstance(request, TaskCancelled) and not isinstance(request, TaskReleased):
            return request.message
        return None

    def checkpoint(self) -> None:
        """Raise TaskCancelled if somebody asked this task to stop."""
        if self._request is not None:
            raise self._request

    def progress(self, done: int, total: int) -> None:
        """Report that `done` of `total` steps are complete. This is a checkpoint.

        The report lives in memory only: it says where a task is, not what happened to it.
        """
        self.done, self.total = done, total
        self.checkpoint()

    def sleep(self, seconds: float) -> None:
        """Sleep for `seconds`; a request to stop ends the sleep at once. This is a checkpoint."""
        gate = threading.Lock()
        gate.acquire()
        with _requests:
            asleep = self._request is None
            if asleep:
                self._sleepers += (gate,)  # several threads of one task may sleep at a time
        if asleep:
            gate.acquire(timeout=min(max(seconds, 0.0), threading.TIMEOUT_MAX))
            with _requests:
                self._sleepers = tuple(g for g in self._sleepers if g is not gate)
        self.checkpoint()

    def request(self, request: BaseException) -> bool:
        """Ask the task to stop: its next checkpoint raises `request`. True if it will.

        The first request stays, but for one thing: what a client cancels shall not run again,
        so a request to cancel replaces one to give the task back, or to crash.
        """
        cancels = isinstance(request, TaskCancelled) and not isinstance(request, TaskReleased)
        with _requests:
            if self._request is not None and not (cancels and self.unwanted is None):
                return False
            self._request = request
            sleepers, self._sleepers = self._sleepers, ()
        for gate in sleepers:
            gate.release()
        return True

    def request_cancel(self, reason: str) -> None:
        """Ask the task to cancel itself."""
        self.request(TaskCancelled(reason, task_id=self.id))

    def request_release(self, reason: str) -> None:
        """Ask the task to stop, so that it can go back to the queue."""
        self.request(TaskReleased(reason, task_id=self.id))


class _Detached(RunningTask):
    """Stands in outside a queue, so that a task can be tested by calling `execute()`."""

    __slots__ = ()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(seconds, 0.0))


_current: ContextVar[RunningTask] = ContextVar("taskqueue_edu.current_task")


def current_task() -> RunningTask:
    """Return the run this code belongs to: its id, attempt, progress, and requests to stop.

    Called outside a queue, it returns a detached one (id "", attempt 1, never cancelled).
    It follows the context: `asyncio.run` and `asyncio.to_thread` inside a task see it too, a
    thread that the task starts itself does not.
    """
    return _current.get(None) or _Detached("", None, 1, "")
