"""The tasks of a queue on any `concurrent.futures.Executor`: threads, processes, a fake one."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from core_tasks import LIMIT, ODD, Add, Append, Blocker, Do, Exit, Fail, Odd, Pid, ReturnsLambda

from taskqueue_edu import facts
from taskqueue_edu.catalogue import task_type
from taskqueue_edu.errors import (
    InvalidTask,
    QueueClosed,
    ResultNotStorable,
    StorageError,
    TaskDead,
    TaskFailed,
    WorkerCrash,
)
from taskqueue_edu.executor_pool import ExecutorPool
from taskqueue_edu.facts import RawFact
from taskqueue_edu.pool import MAX_FAULTS, WorkerPool
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.storage import MemoryStore
from taskqueue_edu.task import TaskStatus

InTime = Callable[[Callable[[], object]], None]
RunPython = Callable[..., "subprocess.CompletedProcess[str]"]


class Desk(Executor):
    """An executor that the test works off by hand, a call at a time."""

    def __init__(self) -> None:
        self.calls: list[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = []
        self.came = threading.Semaphore(0)
        self.error: BaseException | None = None
        self.shutdowns = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.error is not None:
            raise self.error
        future: Future[Any] = Future()
        self.calls.append((future, fn, args))
        self.came.release()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.shutdowns += 1

    def take(self) -> tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]:
        """Wait for a call, and return the oldest."""
        assert self.came.acquire(timeout=LIMIT)
        return self.calls.pop(0)

    def work(self) -> None:
        """Do the oldest call, as a worker would."""
        future, fn, args = self.take()
        future.set_running_or_notify_cancel()
        try:
            result = fn(*args)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)


HELD = Blocker()


@task_type("pool-held")
@dataclass(frozen=True)
class Held:
    """Goes on when the test lets it."""

    def execute(self) -> str:
        return HELD.execute()


@task_type("pool-crash")
@dataclass(frozen=True)
class Crash:
    """Breaks its executor."""

    def execute(self) -> None:
        raise WorkerCrash("out of control")


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def pool(desk: Desk) -> Iterator[ExecutorPool]:
    """A pool of two slots on the desk."""
    pool = ExecutorPool(desk, slots=2)
    yield pool
    for future, _, _ in desk.calls:
        future.cancel()
        future.set_running_or_notify_cancel()
    pool.stop(LIMIT)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


# -- over threads


def test_it_runs_the_tasks_of_a_queue(queue: TaskQueue, threads: ThreadPoolExecutor) -> None:
    """Results and failures come back as from a WorkerPool, and `with` drains."""
    with ExecutorPool(threads, slots=2) as pool:
        pool.start_processing(queue)
        assert queue.dispatcher.pool is pool
        assert pool.workers == 2
        ids = queue.submit_many([Add(n, n) for n in range(20)])
        failing = queue.submit(Fail("no"))
    assert [queue.wait_for_result(task_id, 0) for task_id in ids] == [2 * n for n in range(20)]
    with pytest.raises(TaskFailed, match="no") as caught:
        queue.wait_for_result(failing, 0)
    assert caught.value.exception_type == "LookupError"
    assert "execute" in caught.value.__notes__[0]
    assert queue.dispatcher.pool is None
    assert pool.running() == {}
    assert threads.submit(int).result(LIMIT) == 0, "a given executor stays open"


@pytest.mark.parametrize("name", sorted(ODD))
def test_nothing_a_task_raises_harms_the_pool(
    queue: TaskQueue, threads: ThreadPoolExecutor, name: str
) -> None:
    """Of whatever a task raises, names and text come back; the pool goes on."""
    with ExecutorPool(threads, slots=1) as pool:
        pool.start_processing(queue)
        with pytest.raises(TaskFailed) as caught:
            queue.wait_for_result(queue.submit(Odd(name)), LIMIT)
        assert caught.value.exception_type.endswith(type(ODD[name]()).__qualname__)
        assert queue.wait_for_result(queue.submit(Add(1, 2)), LIMIT) == 3
    assert pool.broken is None


def test_a_result_that_no_json_holds(queue: TaskQueue, threads: ThreadPoolExecutor) -> None:
    """What can't travel back is a failure that says so, not a hang."""
    with ExecutorPool(threads, slots=1) as pool:
        pool.start_processing(queue)
        with pytest.raises(TaskFailed, match="can't be kept") as caught:
            queue.wait_for_result(queue.submit(ReturnsLambda()), LIMIT)
    assert caught.value.exception_type.endswith(ResultNotStorable.__name__)


def test_a_class_that_is_not_registered(queue: TaskQueue, threads: ThreadPoolExecutor) -> None:
    """A task without a name can't travel: it fails with an InvalidTask that says what to do."""
    with ExecutorPool(threads, slots=1) as pool:
        pool.start_processing(queue)
        with pytest.raises(TaskFailed, match="not registered") as caught:
            queue.wait_for_result(queue.submit(Do()), LIMIT)
        assert isinstance(caught.value.__cause__, InvalidTask)
        assert "@task_type" in str(caught.value)


def test_a_class_that_cannot_be_imported(queue: TaskQueue, threads: ThreadPoolExecutor) -> None:
    """A class inside a function fails with an InvalidTask that suggests a module of its own."""

    @task_type("pool-local")
    @dataclass(frozen=True)
    class Local:
        def execute(self) -> int:
            return 1

    with ExecutorPool(threads, slots=1) as pool:
        pool.start_processing(queue)
        with pytest.raises(TaskFailed, match="%%writefile"):
            queue.wait_for_result(queue.submit(Local()), LIMIT)


def test_a_task_that_cannot_be_packed_fails(
    queue: TaskQueue, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever packing a task raises is its failure; the slot goes on."""
    from taskqueue_edu.catalogue import catalogue

    original = catalogue.encode

    def encode(task: Any) -> Any:
        if task == Add(0, 0):
            raise ZeroDivisionError("from the task's own code")
        return original(task)

    monkeypatch.setattr(catalogue, "encode", encode)
    with ExecutorPool(threads, slots=1) as pool:
        pool.start_processing(queue)
        with pytest.raises(TaskFailed, match="own code"):
            queue.wait_for_result(queue.submit(Add(0, 0)), LIMIT)
        assert queue.wait_for_result(queue.submit(Add(1, 2)), LIMIT) == 3


def test_retries_and_a_journal(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    """A persistent queue on an executor retries, and keeps what came back."""
    policy = RetryPolicy(attempts=3, delay=0.0)
    with (
        TaskQueue.open(tmp_path / "jobs", retry=policy) as queue,
        ExecutorPool(threads, slots=2) as pool,
    ):
        pool.start_processing(queue)
        good, bad = queue.submit(Add(1, 2)), queue.submit(Fail("no"))
    with TaskQueue.open(tmp_path / "jobs") as queue:
        assert queue.wait_for_result(good, 0) == 3
        assert queue.registry.get(bad).attempt == 3


# -- slots and order


def test_at_most_slots_are_inside(queue: TaskQueue, pool: ExecutorPool, desk: Desk) -> None:
    """The executor gets no more tasks than there are slots; the rest waits in the queue."""
    pool.start_processing(queue)
    ids = queue.submit_many([Add(n, 0) for n in range(5)])
    for _ in range(2):
        assert desk.came.acquire(timeout=LIMIT)
    desk.came.release(2)
    assert len(desk.calls) == 2
    assert {run.id for run in pool.running().values()} == set(ids[:2])
    assert queue.registry.counts()[TaskStatus.PENDING] == 3
    for inside in (2, 2, 2, 1, 0):
        desk.work()
        if inside == 2:
            assert desk.came.acquire(timeout=LIMIT)
            desk.came.release()
        assert len(desk.calls) <= 2
    queue.join(LIMIT)


def test_order_stays_with_the_queue(queue: TaskQueue, desk: Desk) -> None:
    """A task of higher priority that comes late is handed in before those that still wait."""
    pool = ExecutorPool(desk, slots=1)
    pool.start_processing(queue)
    first, second = queue.submit(Add(1, 0)), queue.submit(Add(2, 0))
    assert desk.came.acquire(timeout=LIMIT)
    urgent = queue.submit(Add(3, 0), priority=1)
    desk.came.release()
    order = []
    for _ in range(3):
        order.append(desk.calls[0][2][3] if desk.calls else None)
        desk.work()
        if len(order) < 3:
            assert desk.came.acquire(timeout=LIMIT)
            desk.came.release()
    assert order == [first, urgent, second]
    pool.shutdown()


def test_a_cancelled_task_is_not_handed_in(
    queue: TaskQueue, pool: ExecutorPool, desk: Desk
) -> None:
    """Pending tasks are cancelled in the queue; one inside can't be reached."""
    pool.start_processing(queue)
    ids = queue.submit_many([Add(n, 0) for n in range(3)])
    for _ in range(2):
        assert desk.came.acquire(timeout=LIMIT)
    desk.came.release(2)
    assert queue.cancel(ids[2])
    assert not queue.cancel(ids[0])
    desk.work()
    desk.work()
    queue.join(LIMIT)
    assert queue.wait_for_result(ids[0], 0) == 0
    assert desk.calls == []


def test_pausing_holds_the_slots(queue: TaskQueue, pool: ExecutorPool, desk: Desk) -> None:
    """While paused nothing is handed in, and the pool can be shut down."""
    pool.start_processing(queue)
    queue.pause()
    task_id = queue.submit(Add(1, 2))
    pool.shutdown()
    assert queue.status(task_id) is TaskStatus.PENDING
    assert desk.calls == []


# -- start


def test_it_needs_a_slot(pool: ExecutorPool) -> None:
    """A pool of no slots is a ValueError, when it is made and when it is resized."""
    with pytest.raises(ValueError, match="at least 1"):
        ExecutorPool(Desk(), slots=0)
    with pytest.raises(ValueError, match="at least 1"):
        pool.resize(0)


def test_pool_and_queue_belong_together(queue: TaskQueue, pool: ExecutorPool) -> None:
    """Starting twice changes nothing; another queue, or a start after the end, is an error."""
    pool.start_processing(queue)
    slots = dict(pool._threads)
    pool.start_processing(queue)
    assert pool._threads == slots
    assert pool.queue is queue
    other = TaskQueue()
    with pytest.raises(RuntimeError, match="another queue"):
        pool.start_processing(other)
    other.close()
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        pool.start_processing(queue)


def test_a_pool_that_was_never_started(desk: Desk) -> None:
    """shutdown() and stop() of a pool without a queue do nothing to a given executor."""
    pool = ExecutorPool(desk, slots=1)
    pool.shutdown()
    assert pool.stop(0)
    with ExecutorPool(desk, slots=1):
        pass
    assert desk.shutdowns == 0


def test_one_pool_at_a_time(queue: TaskQueue, pool: ExecutorPool) -> None:
    """While another pool runs the queue, or the queue is closed, the pool can't start."""
    with WorkerPool(1) as other:
        other.start_processing(queue)
        with pytest.raises(RuntimeError, match="another pool"):
            pool.start_processing(queue)
    queue.close()
    with pytest.raises(QueueClosed):
        pool.start_processing(queue)


@pytest.mark.parametrize("slots", [1, 3])
def test_an_executor_that_cannot_be_made(
    queue: TaskQueue, in_time: InTime, caplog: pytest.LogCaptureFixture, slots: int
) -> None:
    """If the function that makes executors always raises the pool gives up, and says why."""
    error = OSError("no more processes")
    calls: list[None] = []

    def make() -> Executor:
        calls.append(None)
        raise error

    pool = ExecutorPool(make, slots)
    with caplog.at_level(logging.WARNING):
        pool.start_processing(queue)
        task_id = queue.submit(Add(1, 2))
        in_time(pool.shutdown)
    assert pool.broken is error
    assert MAX_FAULTS <= len(calls) < MAX_FAULTS + slots
    assert "no more processes" in caplog.text
    record = queue.registry.get(task_id)
    assert (record.status, record.attempt, record.recoveries) == (TaskStatus.PENDING, 0, 0)
    assert queue.dispatcher.pool is None
    with WorkerPool(1) as other:
        other.start_processing(queue)
        assert queue.wait_for_result(task_id, LIMIT) == 3


def test_an_executor_that_can_be_made_in_the_end(queue: TaskQueue, desk: Desk) -> None:
    """A function that raises now and then is called again, and its faults do not add up."""
    faults = iter([True] * (MAX_FAULTS - 1) + [False])

    def make() -> Executor:
        if next(faults):
            raise OSError("no more processes")
        return desk

    pool = ExecutorPool(make, slots=1)
    pool.start_processing(queue)
    first = queue.submit(Add(1, 2))
    desk.work()
    assert queue.wait_for_result(first, LIMIT) == 3
    faults = iter([True] * (MAX_FAULTS - 1) + [False])
    second = queue.submit(Add(3, 4))
    desk.take()[0].set_exception(BrokenExecutor("a process died"))
    desk.work()
    assert queue.wait_for_result(second, LIMIT) == 7
    pool.shutdown()
    assert pool.broken is None
    assert queue.registry.get(second).recoveries == 1


def test_executors_are_not_made_under_a_lock(queue: TaskQueue, desk: Desk) -> None:
    """The function that makes executors may ask the pool and the queue something."""
    seen: list[Any] = []

    def make() -> Executor:
        seen.extend((list(pool.running()), pool.workers, repr(queue)))
        pool.resize(1)
        return desk

    pool = ExecutorPool(make, slots=1)
    pool.start_processing(queue)
    task_id = queue.submit(Add(1, 2))
    desk.work()
    assert queue.wait_for_result(task_id, LIMIT) == 3
    assert seen == [["slot-1"], 1, "<TaskQueue: 1 running>"]
    pool.shutdown()
    assert desk.shutdowns == 1


def test_one_executor_is_made_for_all_slots(queue: TaskQueue, desk: Desk) -> None:
    """While one slot makes the executor the others wait for it, and none makes a second."""
    made: list[Executor] = []
    go_on = threading.Event()

    def make() -> Executor:
        made.append(desk)
        assert go_on.wait(LIMIT)
        return desk

    pool = ExecutorPool(make, slots=3)
    asked, original = threading.Semaphore(0), pool._ready

    def ready() -> Executor:
        asked.release()
        return original()

    pool._ready = ready  # type: ignore[method-assign]
    pool.start_processing(queue)
    ids = queue.submit_many([Add(n, 0) for n in range(3)])
    for _ in ids:
        assert asked.acquire(timeout=LIMIT)
    go_on.set()
    for _ in ids:
        desk.work()
    assert [queue.wait_for_result(task_id, LIMIT) for task_id in ids] == [0, 1, 2]
    assert made == [desk]
    pool.shutdown()
    assert desk.shutdowns == 1


def test_an_executor_that_is_not_needed_is_not_made(queue: TaskQueue) -> None:
    """A pool that gets no task makes no executor."""

    def make() -> Executor:
        raise AssertionError("nobody asked for it")

    with ExecutorPool(make, slots=2) as pool:
        pool.start_processing(queue)
    assert pool.broken is None
    assert pool.crashes == 0


# -- grow and shrink


def test_a_pool_grows_while_it_runs(queue: TaskQueue, pool: ExecutorPool, desk: Desk) -> None:
    """More slots hand in at once what was waiting for one."""
    pool.start_processing(queue)
    ids = queue.submit_many([Add(n, 0) for n in range(5)])
    calls = [desk.take(), desk.take()]
    assert queue.registry.counts()[TaskStatus.PENDING] == 3
    pool.resize(4)
    assert pool.workers == 4
    calls += [desk.take(), desk.take()]
    assert {run.id for run in pool.running().values()} == set(ids[:4])
    assert set(pool.running()) == {"slot-1", "slot-2", "slot-3", "slot-4"}
    assert queue.registry.counts()[TaskStatus.PENDING] == 1
    for future, fn, args in calls:
        future.set_result(fn(*args))
    desk.work()
    queue.join(LIMIT)


def test_slots_that_are_too_many_leave(queue: TaskQueue, desk: Desk) -> None:
    """Shrinking interrupts no task; afterwards no more are inside than there are slots."""
    pool = ExecutorPool(desk, slots=3)
    pool.start_processing(queue)
    threads = list(pool._threads.values())
    ids = queue.submit_many([Add(n, 0) for n in range(6)])
    calls = [desk.take() for _ in range(3)]
    pool.resize(1)
    assert pool.workers == 1
    assert len(pool.running()) == 3
    for future, fn, args in calls:
        future.set_result(fn(*args))
    for _ in ids[3:]:
        future, fn, args = desk.take()
        assert len(pool.running()) == 1
        assert desk.calls == []
        future.set_result(fn(*args))
    assert [queue.wait_for_result(task_id, LIMIT) for task_id in ids] == list(range(6))
    pool.resize(2)
    more = queue.submit_many([Add(1, 2), Add(3, 4)])
    calls = [desk.take(), desk.take()]
    for future, fn, args in calls:
        future.set_result(fn(*args))
    assert [queue.wait_for_result(task_id, LIMIT) for task_id in more] == [3, 7]
    pool.shutdown()
    assert not any(thread.is_alive() for thread in threads)
    assert pool.crashes == 0
    assert desk.shutdowns == 0


@pytest.mark.parametrize("paused", [False, True])
def test_idle_slots_that_are_too_many_leave(
    queue: TaskQueue, threads: ThreadPoolExecutor, paused: bool
) -> None:
    """Shrinking an idle pool ends the slots that are too many, paused or not."""
    pool = ExecutorPool(threads, slots=4)
    pool.start_processing(queue)
    if paused:
        queue.pause()
    before = dict(pool._threads)
    left, original = threading.Semaphore(0), pool._gone

    def gone(name: str, *, replace: bool) -> None:
        original(name, replace=replace)
        left.release()

    pool._gone = gone  # type: ignore[method-assign]
    pool.resize(1)
    for _ in range(3):
        assert left.acquire(timeout=LIMIT)
    for name in before.keys() - pool._threads.keys():
        before[name].join(LIMIT)
    assert [thread.is_alive() for thread in before.values()].count(True) == 1
    queue.resume()
    assert queue.wait_for_result(queue.submit(Add(1, 2)), LIMIT) == 3
    pool.shutdown()


# -- what breaks


def test_a_given_executor_that_breaks_ends_the_pool(
    queue: TaskQueue, pool: ExecutorPool, desk: Desk
) -> None:
    """`broken` holds the error, the tasks inside are given back, and a block is not held up."""
    pool.start_processing(queue)
    ids = queue.submit_many([Add(n, 0) for n in range(3)])
    calls = [desk.take(), desk.take()]
    error = BrokenProcessPool("a process died")
    desk.error = error
    for future, _, _ in calls:
        future.set_exception(error)
    pool.shutdown()
    assert pool.broken is error
    assert pool.crashes == 1
    assert desk.shutdowns == 0
    assert [queue.registry.get(task_id).recoveries for task_id in ids] == [1, 1, 0]
    assert {queue.status(task_id) for task_id in ids} == {TaskStatus.PENDING}
    assert queue.dispatcher.pool is None
    with WorkerPool(1) as other:
        other.start_processing(queue)
    assert {queue.status(task_id) for task_id in ids} == {TaskStatus.SUCCEEDED}


def test_a_given_executor_that_was_shut_down(queue: TaskQueue, in_time: InTime) -> None:
    """If somebody shut the executor down, the pool ends, and no task is harmed or counted."""
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    pool = ExecutorPool(executor, slots=1)
    pool.start_processing(queue)
    task_id = queue.submit(Add(1, 2))
    in_time(pool.shutdown)
    assert "after shutdown" in str(pool.broken)
    record = queue.registry.get(task_id)
    assert (record.status, record.recoveries) == (TaskStatus.PENDING, 0)


def test_a_new_executor_takes_over(queue: TaskQueue) -> None:
    """Given a function, the pool goes on with a new executor; `crashes` counts them."""
    desks: list[Desk] = []
    made = threading.Semaphore(0)

    def make() -> Executor:
        desks.append(Desk())
        made.release()
        return desks[-1]

    pool = ExecutorPool(make, slots=2)
    pool.start_processing(queue)
    first, second = queue.submit_many([Add(1, 2), Add(3, 4)])
    assert made.acquire(timeout=LIMIT)
    for future, _, _ in (desks[0].take(), desks[0].take()):
        future.set_exception(BrokenExecutor("a process died"))
    assert made.acquire(timeout=LIMIT)
    desks[1].work()
    desks[1].work()
    assert queue.wait_for_result(first, LIMIT) == 3
    assert queue.wait_for_result(second, LIMIT) == 7
    pool.shutdown()
    assert pool.crashes == 1
    assert pool.broken is None
    assert [desk.shutdowns for desk in desks] == [1, 1]


def test_a_task_that_was_not_accepted_is_not_blamed(queue: TaskQueue) -> None:
    """A task that meets an executor that was broken before goes to the next, nothing counted."""
    bad, good = Desk(), Desk()
    bad.error = BrokenExecutor("broken before")
    desks = [bad, good]
    pool = ExecutorPool(lambda: desks.pop(0), slots=1)
    pool.start_processing(queue)
    task_id = queue.submit(Add(1, 2))
    good.work()
    assert queue.wait_for_result(task_id, LIMIT) == 3
    pool.shutdown()
    assert queue.registry.get(task_id).recoveries == 0
    assert (bad.shutdowns, good.shutdowns) == (1, 1)


def test_executors_that_never_accept_end_the_pool(queue: TaskQueue, in_time: InTime) -> None:
    """If each new executor refuses, the pool gives up: no circle, and no task is dead of it."""
    made: list[Desk] = []

    def make() -> Executor:
        desk = Desk()
        desk.error = RuntimeError("cannot schedule new futures after interpreter shutdown")
        made.append(desk)
        return desk

    pool = ExecutorPool(make, slots=1)
    pool.start_processing(queue)
    ids = queue.submit_many([Add(n, 0) for n in range(3)])
    in_time(pool.shutdown)
    assert isinstance(pool.broken, RuntimeError)
    assert len(made) <= MAX_FAULTS + 1
    assert {queue.status(task_id) for task_id in ids} == {TaskStatus.PENDING}
    assert {queue.registry.get(task_id).recoveries for task_id in ids} == {0}


def test_a_future_that_is_cancelled_gives_its_task_back(
    queue: TaskQueue, pool: ExecutorPool, desk: Desk
) -> None:
    """A call that the executor dropped never ran: its task is handed in again, nothing counted."""
    pool.start_processing(queue)
    task_id = queue.submit(Add(1, 2))
    future, _, _ = desk.take()
    future.cancel()
    future.set_running_or_notify_cancel()
    desk.work()
    assert queue.wait_for_result(task_id, LIMIT) == 3
    assert queue.registry.get(task_id).recoveries == 0
    assert pool.broken is None


def test_a_cancelled_task_dies_with_its_executor(
    queue: TaskQueue, pool: ExecutorPool, desk: Desk
) -> None:
    """A task that a client cancelled while it was inside does not run again after a break."""
    pool.start_processing(queue)
    task_id = queue.submit(Add(1, 2))
    future, _, _ = desk.take()
    queue.cancel(task_id)
    future.set_exception(BrokenExecutor("a process died"))
    pool.shutdown()
    assert queue.status(task_id) is TaskStatus.CANCELLED


@pytest.mark.parametrize("error", [MemoryError, SystemExit])
def test_a_fault_while_settling_loses_no_slot(
    queue: TaskQueue, pool: ExecutorPool, desk: Desk, error: type[BaseException], in_time: InTime
) -> None:
    """If settling an outcome breaks, the task is given back, its slot free; the pool goes on."""
    original = queue.dispatcher.settle
    broken = threading.Event()

    def settle(*args: Any) -> bool:
        if not broken.is_set():
            broken.set()
            raise error("in the loop")
        return original(*args)

    queue.dispatcher.settle = settle  # type: ignore[method-assign]
    pool.start_processing(queue)
    task_id = queue.submit(Add(1, 2))
    desk.work()
    desk.work()
    assert queue.wait_for_result(task_id, LIMIT) == 3
    assert queue.registry.get(task_id).recoveries == 1
    in_time(pool.shutdown)


@pytest.mark.parametrize("error", [MemoryError, SystemExit])
def test_a_fault_while_claiming_is_survived(
    queue: TaskQueue, pool: ExecutorPool, desk: Desk, error: type[BaseException], in_time: InTime
) -> None:
    """A slot that breaks down in its own loop is replaced, and its task handed in all the same."""
    original = queue.registry.start
    broken = threading.Event()

    def start(*args: Any) -> Any:
        if not broken.is_set():
            broken.set()
            raise error("in the loop")
        return original(*args)

    queue.registry.start = start  # type: ignore[method-assign]
    pool.start_processing(queue)
    task_id = queue.submit(Add(1, 2))
    desk.work()
    assert queue.wait_for_result(task_id, LIMIT) == 3
    in_time(pool.shutdown)
    assert broken.is_set()
    assert pool.broken is None


def test_a_callback_that_exits_harms_nobody(
    queue: TaskQueue, pool: ExecutorPool, desk: Desk
) -> None:
    """A future's callback that raises SystemExit takes neither the executor's thread nor a slot."""
    pool.start_processing(queue)
    future = queue.future(queue.submit(Add(1, 2)))

    def leave(_: object) -> None:
        raise SystemExit

    future.add_done_callback(leave)
    desk.work()
    assert future.result(LIMIT) == 3
    pool.shutdown()


def test_an_outcome_that_makes_no_sense_is_a_failure(
    queue: TaskQueue, pool: ExecutorPool, desk: Desk
) -> None:
    """A result that does not fit the task's type here is its failure, with the reason."""
    pool.start_processing(queue)
    task_id = queue.submit(Add(1, 2))
    future, _, _ = desk.take()
    future.set_result((facts.SUCCEEDED, b'"text"'))
    with pytest.raises(TaskFailed, match="no longer fits"):
        queue.wait_for_result(task_id, LIMIT)


def test_a_store_that_breaks_ends_the_pool(desk: Desk, in_time: InTime) -> None:
    """On StorageError the slots end, and a block is left in time."""

    class Full(MemoryStore):
        def append(self, fact: RawFact) -> int:
            if fact[0] == facts.SUCCEEDED:
                raise StorageError("the disk is full")
            return 0

    queue, pool = TaskQueue(store=Full()), ExecutorPool(desk, slots=2)

    def block() -> None:
        with queue, pool:
            pool.start_processing(queue)
            task_id = queue.submit(Add(1, 2))
            desk.work()
            with pytest.raises(StorageError):
                queue.wait_for_result(task_id)

    in_time(block)
    assert pool.running() == {}


# -- the end


def test_two_can_wait_for_the_end(queue: TaskQueue, pool: ExecutorPool, desk: Desk) -> None:
    """shutdown() in two threads at once ends in both."""
    pool.start_processing(queue)
    queue.submit_many([Add(1, 2), Add(3, 4)])
    calls = [desk.take(), desk.take()]
    threads = [threading.Thread(target=pool.shutdown) for _ in range(2)]
    for thread in threads:
        thread.start()
    for future, fn, args in calls:
        future.set_result(fn(*args))
    for thread in threads:
        thread.join(LIMIT / 2)
        assert not thread.is_alive()


def test_shutdown_can_cancel_what_is_pending(
    queue: TaskQueue, pool: ExecutorPool, desk: Desk
) -> None:
    """With cancel_futures only what is inside is finished; with wait=False nobody waits for it."""
    pool.start_processing(queue)
    ids = queue.submit_many([Add(n, 0) for n in range(4)])
    calls = [desk.take(), desk.take()]
    pool.shutdown(wait=False, cancel_futures=True)
    for future, fn, args in calls:
        future.set_result(fn(*args))
    pool.shutdown()
    statuses = [queue.status(task_id) for task_id in ids]
    assert statuses == [TaskStatus.SUCCEEDED] * 2 + [TaskStatus.CANCELLED] * 2


def test_stop_gives_back_what_is_inside(queue: TaskQueue, pool: ExecutorPool, desk: Desk) -> None:
    """What is not done in time goes back to the queue; what comes of it later is dropped."""
    pool.start_processing(queue)
    task_id = queue.submit(Add(1, 2))
    future, fn, args = desk.take()
    assert not pool.stop(0.01)
    record = queue.registry.get(task_id)
    assert (record.status, record.recoveries) == (TaskStatus.PENDING, 0)
    with WorkerPool(1) as other:
        other.start_processing(queue)
        assert queue.wait_for_result(task_id, LIMIT) == 3
    future.set_result(fn(*args))
    assert queue.registry.totals()["succeeded"] == 1
    assert pool.stop(LIMIT)


def test_stop_can_refuse_to_wait(queue: TaskQueue, pool: ExecutorPool, desk: Desk) -> None:
    """stop(0) gives back the tasks that are stuck inside at once, and the queue is free."""
    pool.start_processing(queue)
    stuck = queue.submit_many([Add(1, 2), Add(3, 4)])
    calls = [desk.take(), desk.take()]
    slots = list(pool._threads.values())
    assert not pool.stop(0)
    for record in map(queue.registry.get, stuck):
        assert (record.status, record.attempt, record.recoveries) == (TaskStatus.PENDING, 0, 0)
    assert pool.running() == {}
    assert queue.dispatcher.pool is None
    other_desk = Desk()
    other = ExecutorPool(other_desk, slots=1)
    other.start_processing(queue)
    for _ in stuck:
        other_desk.work()
    assert [queue.wait_for_result(task_id, LIMIT) for task_id in stuck] == [3, 7]
    for future, fn, args in calls:
        future.set_result(fn(*args))
    for slot in slots:
        slot.join(LIMIT)
        assert not slot.is_alive()
    assert queue.registry.totals()["succeeded"] == 2
    assert queue.dispatcher.pool is other
    other.shutdown()
    assert desk.calls == []


def test_stop_waits_for_what_is_inside(queue: TaskQueue, threads: ThreadPoolExecutor) -> None:
    """A pool that stops in time leaves what was pending alone."""
    pool = ExecutorPool(threads, slots=1)
    queue.submit_many([Add(n, 0) for n in range(50)])
    pool.start_processing(queue)
    assert pool.stop(LIMIT)
    counts = queue.registry.counts()
    assert counts[TaskStatus.RUNNING] == 0
    assert counts[TaskStatus.PENDING] + counts[TaskStatus.SUCCEEDED] == 50


def test_an_exception_stops_the_pool(queue: TaskQueue, threads: ThreadPoolExecutor) -> None:
    """Leaving `with` by an exception drains nothing."""
    queue.pause()
    task_id = queue.submit(Add(1, 2))

    def block() -> None:
        with ExecutorPool(threads, slots=1) as pool:
            pool.start_processing(queue)
            queue.resume()
            queue.pause()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()
    assert queue.status(task_id) in (TaskStatus.PENDING, TaskStatus.SUCCEEDED)


def test_a_queue_that_closes_ends_the_executor(queue: TaskQueue, desk: Desk) -> None:
    """An executor that the pool made is shut down, too, when the queue is closed first."""
    with ExecutorPool(lambda: desk, slots=2) as pool:
        pool.start_processing(queue)
        task_id = queue.submit(Add(1, 2))
        desk.work()
        assert queue.wait_for_result(task_id, LIMIT) == 3
        slots = list(pool._threads.values())
        queue.close()
        for slot in slots:
            slot.join(LIMIT)
            assert not slot.is_alive()
    assert desk.shutdowns == 1


def test_a_crash_does_not_wait_for_the_tasks_beside_it() -> None:
    """A task whose executor broke is settled at once, however long others still take there."""
    queue = TaskQueue(max_recoveries=0)
    with queue, ExecutorPool(lambda: ThreadPoolExecutor(2), slots=2) as pool:
        pool.start_processing(queue)
        long = queue.submit(Held())
        assert HELD.began.wait(LIMIT)
        crashing = queue.submit(Crash())
        try:
            with pytest.raises(TaskDead):
                queue.wait_for_result(crashing, LIMIT / 2)
        finally:
            HELD.go.set()
        assert queue.wait_for_result(long, LIMIT) == "let go"
    assert pool.broken is None


def test_a_queue_that_closes_ends_the_slots(queue: TaskQueue, pool: ExecutorPool) -> None:
    """When the queue is closed the pool has nothing to do, and can be shut down."""
    pool.start_processing(queue)
    queue.close()
    pool.shutdown()
    assert pool.crashes == 0


# -- processes


@pytest.mark.slow
def test_processes(queue: TaskQueue) -> None:
    """Tasks run in other processes, as many at once as there are slots."""
    with ExecutorPool.processes(2) as pool:
        pool.start_processing(queue)
        pids = queue.submit_many([Pid()] * 4)
        sums = queue.submit_many([Add(n, n) for n in range(10)])
        bad = [queue.submit(Odd(name)) for name in ("ExitingStr", "Unpicklable", "SystemExit")]
        with pytest.raises(TaskFailed) as caught:
            queue.wait_for_result(queue.submit(ReturnsLambda()), 60)
        assert caught.value.exception_type.endswith("ResultNotStorable")
        assert os.getpid() not in {queue.wait_for_result(task_id, 60) for task_id in pids}
        assert [queue.wait_for_result(task_id, 60) for task_id in sums] == [
            2 * n for n in range(10)
        ]
        for task_id in bad:
            with pytest.raises(TaskFailed):
                queue.wait_for_result(task_id, 60)
    assert pool.crashes == 0


@pytest.mark.slow
def test_a_task_that_ends_its_process(tmp_path: Path) -> None:
    """It is tried again and dead in the end; the tasks beside it and after it are done."""
    with (
        TaskQueue.open(tmp_path / "jobs", max_recoveries=1) as queue,
        ExecutorPool.processes(1) as pool,
    ):
        pool.start_processing(queue)
        deadly = queue.submit(Exit(3))
        others = queue.submit_many([Append(str(tmp_path / "out"), str(n)) for n in range(3)])
        with pytest.raises(TaskDead, match="executor broke") as caught:
            queue.wait_for_result(deadly, 60)
        assert caught.value.task_id == deadly
        assert [queue.wait_for_result(task_id, 60) for task_id in others] == ["0", "1", "2"]
    assert pool.crashes == 2
    assert sorted((tmp_path / "out").read_text().split()) == ["0", "1", "2"]
    assert queue.registry.get(deadly).attempt == 2


@pytest.mark.slow
def test_a_class_of_the_main_program(run_python: RunPython) -> None:
    """A task class of a script or a notebook gets the hint to move it into a module."""
    done = run_python("""
        from dataclasses import dataclass
        from taskqueue_edu import ExecutorPool, TaskFailed, TaskQueue, task_type

        @task_type("mine")
        @dataclass(frozen=True)
        class Mine:
            def execute(self) -> int:
                return 1

        if __name__ == "__main__":
            with TaskQueue() as queue, ExecutorPool.processes(1) as pool:
                pool.start_processing(queue)
                try:
                    queue.wait_for_result(queue.submit(Mine()), 30)
                except TaskFailed as error:
                    print(type(error.__cause__).__name__, error)
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("InvalidTask ")
    assert "%%writefile" in done.stdout


@pytest.mark.slow
def test_an_interrupt_while_a_process_starts(run_python: RunPython) -> None:
    """Ctrl-C does not reach a process that is not yet ready: not even the first of its program."""
    done = run_python("""
        import os
        import signal

        from taskqueue_edu import ExecutorPool, TaskQueue
        from taskqueue_edu.workloads import SleepTask

        if __name__ == "__main__":
            with TaskQueue() as queue, ExecutorPool.processes(2) as pool:
                pool.start_processing(queue)
                for task_id in queue.submit_many([SleepTask(0.05)] * 4):
                    queue.wait_for_result(task_id, 30)
            print(pool.crashes)
        else:  # a process reads the main program anew, before it is told to leave Ctrl-C alone
            os.kill(os.getpid(), signal.SIGINT)
    """)
    assert done.stderr == ""
    assert done.stdout == "0\n"


@pytest.mark.slow
def test_the_interpreter_ends_without_harm(run_python: RunPython) -> None:
    """A pool of processes that nobody shut down counts nothing against the tasks that are left."""
    done = run_python("""
        from taskqueue_edu import ExecutorPool, TaskQueue
        from taskqueue_edu.workloads import SleepTask

        if __name__ == "__main__":
            queue = TaskQueue.open("jobs")
            pool = ExecutorPool.processes(1)
            pool.start_processing(queue)
            ids = queue.submit_many([SleepTask(0.05)] * 30)
            queue.wait_for_result(ids[0], 30)
            print("\\n".join(ids))
    """)
    assert done.returncode == 0, done.stderr
    ids = done.stdout.split()
    assert len(ids) == 30
    folder = Path(done.args[1]).parent / "jobs"
    queue = TaskQueue.open(folder)
    records = [queue.registry.get(task_id) for task_id in ids]
    assert {record.status for record in records} <= {TaskStatus.SUCCEEDED, TaskStatus.PENDING}
    # The one that ran when the process ended is recovered on opening; no other was touched.
    assert sum(record.recoveries for record in records) <= 1
    queue.close()
