"""Run one claimed task, here or in another process, and say how it went.

The outcome is the kind and the detail of the fact to be recorded. Whatever the task raises
becomes an outcome; the only exception that leaves is the injected WorkerCrash.
"""

from __future__ import annotations

import importlib
from typing import Any, TypeAlias

from taskqueue_edu import facts, task
from taskqueue_edu.catalogue import catalogue
from taskqueue_edu.errors import InvalidTask, TaskCancelled, WorkerCrash
from taskqueue_edu.facts import Failure
from taskqueue_edu.task import RunningTask, Task

Outcome: TypeAlias = tuple[str, Any]


def run_task(run: RunningTask) -> Outcome:
    """Execute the task of `run` in this thread and return the outcome.

    Raises WorkerCrash if one was injected.
    """
    assert run.task is not None
    token = task._current.set(run)
    try:
        return facts.SUCCEEDED, run.task.execute()
    except WorkerCrash:
        raise
    except TaskCancelled as error:
        if run.cancelled:
            return (facts.RELEASED if run.released else facts.CANCELLED), error.message
        return facts.FAILED, _failure(error)
    except BaseException as error:  # SystemExit and KeyboardInterrupt in a task are its failure
        return facts.FAILED, _failure(error)
    finally:
        task._current.reset(token)


def _failure(error: BaseException) -> Failure:
    # The first entry is run_task's own frame: it tells the reader nothing, and it holds `run`.
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next
    return Failure.of(error)


# -- in another process

RemoteOutcome: TypeAlias = tuple[str, bytes | str | tuple[tuple[str, ...], str, str]]


def pack(run: RunningTask) -> tuple[str, str, bytes, str, int]:
    """Return what another process needs to run the task: names and JSON, never code.

    Raises InvalidTask if its class isn't registered, or can't be imported there.
    """
    assert run.task is not None
    payload, _ = catalogue.encode(run.task)
    cls = type(run.task)
    if cls.__module__ == "__main__" or "<locals>" in cls.__qualname__:
        raise InvalidTask(
            f"{cls.__qualname__} is defined in {cls.__module__}, where no other process finds it",
            task_id=run.id,
            hint="put the class into a module (in a notebook: %%writefile my_tasks.py) and "
            "import it from there.",
        )
    entry = catalogue.of(run.task)
    assert entry is not None
    return cls.__module__, entry.name, payload, run.id, run.attempt


def run_packed(module: str, name: str, payload: bytes, task_id: str, attempt: int) -> RemoteOutcome:
    """Run a packed task in this process; the outcome holds text and JSON only."""
    try:
        importlib.import_module(module)
        run = RunningTask(task_id, catalogue.decode(name, payload), attempt, "")
        kind, detail = run_task(run)
        if kind == facts.SUCCEEDED:
            return kind, catalogue.encode_result(name, detail)
    except Exception as error:
        kind, detail = facts.FAILED, Failure.of(error)
    if isinstance(detail, Failure):
        return kind, (detail.names, detail.message, detail.traceback)
    return kind, detail


def unpack(name: str, remote: RemoteOutcome) -> Outcome:
    """Return the outcome that `run_packed` sent, with the result as the type it had there."""
    kind, detail = remote
    if isinstance(detail, bytes):
        return kind, catalogue.decode_result(name, detail)
    if isinstance(detail, tuple):
        return kind, Failure(*detail)
    return kind, detail


# -- a plain function as a task: the Executor side of the pools


class Call(Task[Any]):
    """A function and its arguments: what `pool.submit(function, ...)` queues."""

    __slots__ = ("args", "function", "kwargs")

    def __init__(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs

    def execute(self) -> Any:
        """Call the function."""
        return self.function(*self.args, **self.kwargs)
