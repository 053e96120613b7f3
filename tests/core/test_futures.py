"""A task as a `concurrent.futures.Future`: `queue.future(id)`."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, as_completed, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from core_tasks import LIMIT, Add, Blocker, Do, Fail, Sleeper, run_one

from taskqueue_edu import facts
from taskqueue_edu.catalogue import task_type
from taskqueue_edu.errors import (
    QueueClosed,
    StorageError,
    TaskCancelled,
    TaskFailed,
    UnknownTaskType,
)
from taskqueue_edu.facts import Failure
from taskqueue_edu.pool import WorkerPool
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.task import TaskStatus


def test_it_follows_its_task(queue: TaskQueue) -> None:
    """Pending, running and done, with the result that wait_for_result() returns."""
    task_id = queue.submit(Do(lambda: 5))
    future = queue.future(task_id)
    assert isinstance(future, Future)
    assert not future.running()
    run = queue.dispatcher.claim("me")
    assert run is not None
    assert future.running()
    queue.dispatcher.settle(run, facts.SUCCEEDED, 5)
    assert future.result(0) == 5
    assert future.done()


def test_a_task_has_one_future(queue: TaskQueue) -> None:
    """Asked for again, it is the same object, before and after the end."""
    task_id = queue.submit(Do())
    future = queue.future(task_id)
    assert queue.future(task_id) is future
    run_one(queue)
    assert queue.future(task_id) is future


def test_many_threads_get_the_same_future(queue: TaskQueue) -> None:
    """Threads that ask at the same time get one future between them."""
    for _ in range(50):
        task_id = queue.submit(Do())
        futures: list[Future[Any]] = []
        together = threading.Barrier(4)

        def ask(
            task_id: str = task_id,
            futures: list[Future[Any]] = futures,
            together: threading.Barrier = together,
        ) -> None:
            together.wait(LIMIT)
            futures.append(queue.future(task_id))

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        together.wait(LIMIT)
        run_one(queue)
        for thread in threads:
            thread.join(LIMIT)
        assert len({id(future) for future in futures}) == 1
        assert futures[0].result(LIMIT) is None


@pytest.mark.parametrize("when", ["pending", "running", "finished"])
@pytest.mark.parametrize("how", ["value", "failure"])
def test_it_can_be_asked_for_at_any_time(queue: TaskQueue, when: str, how: str) -> None:
    """A future made late has the state, and then the outcome, of one made early."""
    task_id = queue.submit(Do(lambda: 5) if how == "value" else Fail("no"))
    future: Future[Any] | None = queue.future(task_id) if when == "pending" else None
    run = queue.dispatcher.claim("me")
    assert run is not None
    if when == "running":
        future = queue.future(task_id)
        assert future.running()
    detail: Any = 5 if how == "value" else Failure.of(LookupError("no"))
    kind = facts.SUCCEEDED if how == "value" else facts.FAILED
    queue.dispatcher.settle(run, kind, detail)
    if future is None:
        future = queue.future(task_id)
    if how == "value":
        assert future.result(0) == 5
    else:
        error = future.exception(0)
        assert isinstance(error, TaskFailed)
        assert isinstance(error.__cause__, LookupError)
        assert error.task_id == task_id


def test_cancelling_a_pending_task(queue: TaskQueue) -> None:
    """future.cancel() is queue.cancel(): the task is cancelled, and the future too."""
    task_id = queue.submit(Do())
    future = queue.future(task_id)
    called: list[Future[Any]] = []
    future.add_done_callback(called.append)
    assert future.cancel()
    assert future.cancel()
    assert future.cancelled()
    assert called == [future]
    assert queue.status(task_id) is TaskStatus.CANCELLED
    assert queue.future(task_id).cancelled()


def test_cancelling_the_task_cancels_the_future(queue: TaskQueue) -> None:
    """The other way round as well, and whoever waits for the future is woken."""
    task_id = queue.submit(Do())
    future = queue.future(task_id)
    queue.cancel(task_id)
    assert wait([future], LIMIT).done == {future}
    assert future.cancelled()


def test_a_cancelled_task_has_a_cancelled_future(queue: TaskQueue) -> None:
    """A future of a task that was cancelled before is cancelled from the start."""
    task_id = queue.submit(Do())
    queue.cancel(task_id)
    assert queue.future(task_id).cancelled()


def test_cancelling_a_running_task(queue: TaskQueue) -> None:
    """cancel() is False; a task that obliges ends its future with TaskCancelled."""
    with WorkerPool(1) as pool:
        pool.start_processing(queue)
        sleeper = Sleeper()
        task_id = queue.submit(sleeper)
        future = queue.future(task_id)
        assert sleeper.began.wait(LIMIT)
        assert not future.cancel()
        with pytest.raises(TaskCancelled):
            future.result(LIMIT)
        assert not future.cancel()


def test_cancelling_a_task_that_waits_for_its_next_try(queue: TaskQueue) -> None:
    """A future that has been running can't go back; its task is cancelled all the same."""
    task_id = queue.submit(Fail("no"), retry=RetryPolicy(attempts=2, delay=1000))
    future = queue.future(task_id)
    run_one(queue)
    assert queue.status(task_id) is TaskStatus.PENDING
    assert future.running()
    assert future.cancel()
    assert isinstance(future.exception(0), TaskCancelled)


def test_a_retry_is_one_future(queue: TaskQueue) -> None:
    """Through all its tries a task has one future, which ends with the last."""
    answers = [LookupError("first"), "second"]

    def answer() -> Any:
        value = answers.pop(0)
        if isinstance(value, Exception):
            raise value
        return value

    task_id = queue.submit(Do(answer), retry=RetryPolicy(attempts=2, delay=0.0))
    future = queue.future(task_id)
    run_one(queue)
    assert not future.done()
    run_one(queue)
    assert future.result(0) == "second"


def test_the_tools_of_the_standard_library(queue: TaskQueue) -> None:
    """as_completed() and wait() work on futures of tasks, and asyncio can await them."""
    with WorkerPool(2) as pool:
        pool.start_processing(queue)
        ids = queue.submit_many([Add(1, 1), Add(2, 2)])
        futures = [queue.future(task_id) for task_id in ids]
        assert {future.result() for future in as_completed(futures, LIMIT)} == {2, 4}
        assert not wait(futures, LIMIT).not_done

        async def main() -> Any:
            later = queue.future(queue.submit(Add(3, 3)))
            return await asyncio.wait_for(asyncio.wrap_future(later), LIMIT)

        assert asyncio.run(main()) == 6


def test_cancelling_the_awaiting_coroutine_cancels_the_task(queue: TaskQueue) -> None:
    """A coroutine that is cancelled while it awaits a pending task takes the task with it."""
    task_id = queue.submit(Do())

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(queue.future(task_id)), 0.01)
        await asyncio.sleep(0)

    asyncio.run(main())
    assert queue.status(task_id) is TaskStatus.CANCELLED


def test_the_close_of_a_memory_queue_cancels(queue: TaskQueue) -> None:
    """Futures of what is left in a queue that closes are cancelled."""
    future = queue.future(queue.submit(Do()))
    queue.close()
    assert future.cancelled()


def test_the_close_of_a_persistent_queue_is_an_exception(tmp_path: Path) -> None:
    """Futures of what stays in the journal get QueueClosed; cancelling them is False, no error."""
    queue = TaskQueue.open(tmp_path / "jobs")
    pending, running = (queue.future(queue.submit(Add(1, n))) for n in range(2))
    assert queue.dispatcher.claim("me") is not None
    queue.close()
    for future in (pending, running):
        assert isinstance(future.exception(0), QueueClosed)
        assert not future.cancel()
    late = queue.future(queue.registry.records()[0].id)
    assert isinstance(late.exception(0), QueueClosed)


def test_cancel_never_raises(tmp_path: Path) -> None:
    """A standard Future's cancel() raises nothing, so neither does this one when the queue ends."""
    queue = TaskQueue.open(tmp_path / "jobs")
    future = queue.future(queue.submit(Add(1, 2)))
    queue.registry._over = StorageError("no disk")  # just as it is being cancelled
    assert not future.cancel()
    queue.registry._over = None
    queue.close()


@dataclass(frozen=True)
class Answer:
    number: int

    def __post_init__(self) -> None:
        if REFUSE:
            raise REFUSE[0]


REFUSE: list[BaseException] = []


@task_type("futures-picky")
@dataclass(frozen=True)
class Picky:
    """Returns a value that can't be read back once its class has changed its mind."""

    def execute(self) -> Answer:
        return Answer(1)


@pytest.mark.parametrize("error", [RuntimeError("changed"), SystemExit("changed")])
def test_a_result_that_cannot_be_read_ends_the_future(tmp_path: Path, error: BaseException) -> None:
    """If building the result raises, that is the future's exception: it is not left waiting."""
    with TaskQueue.open(tmp_path / "jobs") as queue:
        task_id = queue.submit(Picky())
        future = queue.future(task_id)
        run = queue.dispatcher.claim("me")
        assert run is not None
        original = queue.registry.record

        def record(*args: Any, **options: Any) -> None:
            REFUSE.append(error)  # after the round trip of the result
            original(*args, **options)

        queue.registry.record = record  # type: ignore[method-assign]
        try:
            queue.dispatcher.settle(run, facts.SUCCEEDED, Answer(1))
            assert future.done()
            assert future.exception(0) is not None
        finally:
            REFUSE.clear()
            del queue.registry.record  # type: ignore[method-assign]
        assert queue.wait_for_result(task_id, 0) == Answer(1)


def test_a_callback_that_exits_leaves_no_waiter(queue: TaskQueue) -> None:
    """A callback of a cancelled future may raise SystemExit: wait() is told all the same."""
    future = queue.future(queue.submit(Do()))

    def leave(_: object) -> None:
        raise SystemExit

    future.add_done_callback(leave)
    assert future.cancel()
    assert wait([future], LIMIT).done == {future}


def test_a_finished_future_keeps_no_queue_alive() -> None:
    """Once it is done, a future holds its outcome and nothing of the queue it came from."""
    queue = TaskQueue()
    ids = queue.submit_many([Do(lambda: 5), Fail("no"), Do()])
    futures = [queue.future(task_id) for task_id in ids]
    futures[2].cancel()
    with WorkerPool(1) as pool:
        pool.start_processing(queue)
    del pool
    refs = [weakref.ref(queue), weakref.ref(queue.registry), weakref.ref(queue.dispatcher)]
    queue.close()
    del queue
    gc.collect()
    assert [ref() for ref in refs] == [None] * 3
    assert futures[0].result(0) == 5
    assert isinstance(futures[1].exception(0), TaskFailed)


def test_a_future_that_nobody_keeps_is_no_burden(queue: TaskQueue) -> None:
    """A future may be dropped before its task ends."""
    task_id = queue.submit(Do(lambda: 5))
    queue.future(task_id)
    gc.collect()
    run_one(queue)
    assert queue.wait_for_result(task_id, 0) == 5


def test_a_type_that_is_gone_is_the_futures_exception(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stored result whose task type is unknown here is an exception, not a hang."""
    with TaskQueue.open(tmp_path / "jobs") as queue:
        task_id = queue.submit(Add(1, 2))
        run_one(queue)
    from taskqueue_edu.catalogue import catalogue

    monkeypatch.delitem(catalogue._by_name, "core-add")
    with TaskQueue.open(tmp_path / "jobs") as queue:
        assert isinstance(queue.future(task_id).exception(0), UnknownTaskType)
        with pytest.raises(UnknownTaskType):
            queue.wait_for_result(task_id, 0)


def test_future_and_start_race(queue: TaskQueue) -> None:
    """Asked for while its task starts and ends, a future is running, then done: never stuck."""
    blocker: Callable[[], Blocker] = Blocker
    with WorkerPool(2) as pool:
        pool.start_processing(queue)
        for _ in range(300):
            task = blocker()
            task_id = queue.submit(task)
            future = queue.future(task_id)
            assert task.began.wait(LIMIT)
            task.go.set()
            assert future.result(LIMIT) == "let go"
