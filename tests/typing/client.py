"""What a type checker must know about submitting tasks and waiting for them."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_type

from taskqueue_edu import (
    RetryPolicy,
    Task,
    TaskId,
    TaskQueue,
    TaskStatus,
    WorkerPool,
    current_task,
    task_type,
)
from taskqueue_edu.journal import PersistentQueue
from taskqueue_edu.workloads import MathTask, SleepTask


@task_type("typed", retry=RetryPolicy(attempts=3, on=(OSError, "mod.Error")))
@dataclass(frozen=True)
class Greeting:
    """A task of this module's own: no base class is needed."""

    name: str

    def execute(self) -> Mapping[str, int]:
        current_task().progress(1, 2)
        return {self.name: len(self.name)}


class NoTask:
    """It has no execute()."""


class NeedsMore:
    """Its execute() can't be called without an argument."""

    def execute(self, how: str) -> int:
        return len(how)


def results(queue: TaskQueue, text: str) -> None:
    """The result has the type that execute() returns."""
    task_id = queue.submit(MathTask("sum", (1, 2)))
    assert_type(task_id, TaskId[int])
    assert_type(queue.wait_for_result(task_id), int)
    assert_type(queue.wait_for_result(task_id, timeout=1.0), int)
    assert_type(queue.wait_for_result(queue.submit(SleepTask(0.1))), float)
    assert_type(queue.wait_for_result(queue.submit(Greeting("x"))), Mapping[str, int])

    # An id from elsewhere is a str: its result may be anything, until it is given a type.
    assert_type(queue.wait_for_result(text), Any)
    assert_type(queue.wait_for_result(TaskId[bytes](text)), bytes)
    text = queue.wait_for_result(task_id)  # type: ignore[assignment]

    # An id is a str, and can go wherever one goes.
    plain: str = task_id
    assert_type(queue.status(plain), TaskStatus)
    assert_type(queue.cancel(task_id), bool)
    assert_type(queue.future(task_id), Future[Any])


def many(queue: TaskQueue) -> None:
    """All tasks of one kind give ids of one kind."""
    ids = queue.submit_many([MathTask("sum", (n,)) for n in range(3)])
    assert_type(ids, list[TaskId[int]])
    assert_type([queue.wait_for_result(task_id) for task_id in ids], list[int])
    assert_type(queue.submit_many(iter([Greeting("x")])), list[TaskId[Mapping[str, int]]])


def what_is_no_task(queue: TaskQueue) -> None:
    """Whatever has no execute(), or one that needs arguments, is rejected."""
    queue.submit(NoTask())  # type: ignore[arg-type]
    queue.submit(NeedsMore())  # type: ignore[arg-type]
    queue.submit(MathTask)  # type: ignore[arg-type]
    queue.submit(lambda: 1)  # type: ignore[arg-type]
    queue.submit_many([NoTask()])  # type: ignore[arg-type]
    queue.submit(MathTask("sum", (1,)), priority="high")  # type: ignore[arg-type]
    queue.submit(MathTask("sum", ("a",)))  # type: ignore[arg-type]


def an_int_task(flag: Task[bool]) -> Task[int]:
    """A task that returns a bool is a task that returns an int."""
    return flag


def a_bool_task(number: Task[int]) -> Task[bool]:
    """It is not so the other way round."""
    return number  # type: ignore[return-value]


def a_str_task() -> Task[str]:
    """A class is a task of what its execute() returns, and of nothing else."""
    return MathTask("sum", (1,))  # type: ignore[return-value]


def the_decorator_keeps_the_class() -> None:
    """A class under @task_type is that class still, with its own parameters."""
    assert_type(Greeting("x"), Greeting)
    Greeting(3)  # type: ignore[arg-type]


def opening(folder: Path) -> None:
    """A persistent queue is a queue, also in a with statement."""
    assert_type(TaskQueue.open(folder), PersistentQueue)
    with TaskQueue.open("jobs", sync="always") as queue:
        assert_type(queue, PersistentQueue)
        same: TaskQueue = queue
    same.join()


async def draining(queue: TaskQueue) -> None:
    """Waiting in an event loop gives nothing back."""
    await queue.drained()


def add(left: int, right: int = 0) -> int:
    """A plain function."""
    return left + right


def executor(pool: WorkerPool) -> None:
    """A pool's submit knows the function's parameters and its result."""
    assert_type(pool.submit(add, 1, right=2), Future[int])
    assert_type(pool.submit(add, 1).result(), int)
    pool.submit(add, "1")  # type: ignore[arg-type]
    pool.submit(add)  # type: ignore[call-arg]
    with WorkerPool(2) as inner:
        assert_type(inner, WorkerPool)
