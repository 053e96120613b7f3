"""The error tree. Every error carries the task's id, its cause, and what to do next.

    TaskQueueError
    +-- InvalidTask (ValueError)            the task can't be taken as it is
    |   +-- UnknownTaskType                 no class is registered under that name
    +-- QueueFull (queue.Full)              no place became free in time
    +-- QueueClosed (RuntimeError)          the queue takes no more tasks
    +-- WaitTimeout (TimeoutError)          the task had not finished in time
    +-- UnknownTask (LookupError)           this queue never had a task with that id
    |   +-- ResultExpired                   it had one, and no longer keeps the result
    +-- TaskFailed (RuntimeError)           the task raised; its exception is the cause
    |   +-- TaskDead                        it took its worker down too often to be tried again
    +-- TaskCancelled (CancelledError)      the task was cancelled before it had a result
    |   +-- TaskReleased                    it was asked to stop, and goes back to the queue
    +-- ResultNotStorable (ValueError)      the result would not come back from JSON unchanged
    +-- IllegalTransition (RuntimeError)    the life of a task has no such step
    +-- StorageError (OSError)              the store can't keep its promise
    |   +-- JournalDamaged                  bytes in the journal are not what was written
    |   +-- StoreLocked                     somebody else owns the folder
    +-- ConfigError (ValueError)            the configuration is wrong

Each class also inherits its closest relative in the standard library, so code that already
catches `queue.Full` or `TimeoutError` needs no change.

`WorkerCrash` stands outside the tree on purpose: it derives from BaseException, so that a
task's own `except Exception` can't swallow a crash that a test or a control injected.
"""

from __future__ import annotations

import queue as _queue
from concurrent.futures import CancelledError
from typing import Any


class TaskQueueError(Exception):
    """Base of all errors of this package: a message, the task's id if any, and a hint.

    `str(error)` is the message followed by the hint on a line of its own.
    """

    default_hint = ""

    def __init__(
        self, message: str = "", *, task_id: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.task_id = task_id
        self.hint = self.default_hint if hint is None else hint

    def __str__(self) -> str:
        return f"{self.message}\n  What to do: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # BaseException unpickles by calling cls(*args): keyword-only state would be lost.
        return type(self), (self.message,), vars(self)


class InvalidTask(TaskQueueError, ValueError):
    """The task can't be taken as it is; nothing was recorded."""


class UnknownTaskType(InvalidTask, LookupError):
    """No task class is registered under that name in this process."""

    default_hint = "import the module that defines the class, or pass --import to the command."


class QueueFull(TaskQueueError, _queue.Full):
    """No place in the queue became free in time; nothing was recorded."""

    default_hint = "submit more slowly, wait longer (timeout=), add workers, or raise maxsize."


class QueueClosed(TaskQueueError, RuntimeError):
    """The queue is closed: it takes no more tasks, and gives none out."""

    default_hint = "create a new queue, or open the folder again with TaskQueue.open()."


class WaitTimeout(TaskQueueError, TimeoutError):
    """The task had not finished in time. It goes on: waiting is over, the work is not."""

    default_hint = "wait again with a longer timeout, or cancel the task with queue.cancel(id)."


class UnknownTask(TaskQueueError, LookupError):
    """This queue never had a task with that id."""

    default_hint = "use the id that submit() returned, on the queue that returned it."


class ResultExpired(UnknownTask):
    """The task finished, and so many others since then that its result is no longer kept."""

    default_hint = "read results sooner, or keep more of them: TaskQueue(retain=...)."


class TaskFailed(TaskQueueError, RuntimeError):
    """The task raised an exception: this error's `__cause__`, if it was raised in this process.

    `exception_type` is its qualified name; the message has its text. Where the exception itself
    stayed in another process or an earlier run, a note holds its traceback.
    """

    default_hint = "the traceback of the task's own exception says where it failed."
    exception_type = ""


class TaskDead(TaskFailed):
    """The task took its worker down so often that it is not tried again."""

    default_hint = "find out what kills the worker, then put the task back with queue.revive(id)."


class TaskCancelled(TaskQueueError, CancelledError):
    """The task was cancelled before it had a result.

    A running task raises this itself to answer a request to cancel:
    `current_task().checkpoint()` does.
    """


class TaskReleased(TaskCancelled):
    """The worker stops and gives the task back: it will run again, from its start."""


class ResultNotStorable(TaskQueueError, ValueError):
    """The result would not come back from JSON unchanged, so it is not kept as if it would."""

    default_hint = (
        "annotate the return type of execute() and return what JSON can hold: "
        "dataclasses, str, int, finite float, bool, None, and lists, tuples or dicts of them."
    )


class IllegalTransition(TaskQueueError, RuntimeError):
    """The life of a task has no such step; nothing was recorded."""


class StorageError(TaskQueueError, OSError):
    """The store can't keep its promise, so it takes nothing more.

    What was acknowledged before is on disk.
    """

    default_hint = "look at the disk and the folder's rights, then open the folder again."


class JournalDamaged(StorageError):
    """Bytes in the journal are not what was written."""


class StoreLocked(StorageError):
    """Somebody else owns the folder: a journal has one writer."""


class ConfigError(TaskQueueError, ValueError):
    """The configuration is wrong: the message names file, key, and what was expected."""


class WorkerCrash(BaseException):
    """A crash injected into a worker: the thread ends as if it had been killed at that line.

    `WorkerPool.crash_worker()` arranges for it. The task is tried again by another worker.
    """
