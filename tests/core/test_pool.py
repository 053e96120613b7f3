"""Threads that run the tasks of a queue: start, grow, shrink, crash, end."""

from __future__ import annotations

import gc
import itertools
import logging
import subprocess
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from core_tasks import LIMIT, Blocker, Do, Fail, Sleeper, run_one

from taskqueue_edu import facts
from taskqueue_edu.errors import (
    QueueClosed,
    StorageError,
    TaskCancelled,
    TaskDead,
    TaskFailed,
    WorkerCrash,
)
from taskqueue_edu.facts import RawFact
from taskqueue_edu.pending import PendingQueue
from taskqueue_edu.pool import MAX_FAULTS, WorkerPool
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.storage import MemoryStore
from taskqueue_edu.task import TaskStatus, current_task

InTime = Callable[[Callable[[], object]], None]
RunPython = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(2)
    yield pool
    pool.stop(LIMIT)


def worker_threads() -> set[str]:
    return {t.name for t in threading.enumerate() if t.name.startswith("taskqueue-worker")}


def block_all(queue: TaskQueue, count: int) -> list[Blocker]:
    """Submit tasks that block, and wait until they run."""
    blockers = [Blocker() for _ in range(count)]
    queue.submit_many(blockers)
    for blocker in blockers:
        assert blocker.began.wait(LIMIT)
    return blockers


def let_go(blockers: list[Blocker]) -> None:
    for blocker in blockers:
        blocker.go.set()


# -- start


def test_it_needs_a_worker() -> None:
    """A pool of no workers is a ValueError, when it is made and when it is resized."""
    for workers in (0, -1):
        with pytest.raises(ValueError, match="at least 1"):
            WorkerPool(workers)
    pool = WorkerPool(1)
    with pytest.raises(ValueError, match="at least 1"):
        pool.resize(0)


def test_threads_start_with_the_processing(queue: TaskQueue, pool: WorkerPool) -> None:
    """A new pool has no threads; start_processing() starts them, once."""
    assert worker_threads() == set()
    assert pool.queue is None
    pool.start_processing(queue)
    pool.start_processing(queue)
    assert worker_threads() == {"taskqueue-worker-1", "taskqueue-worker-2"}
    assert pool.queue is queue
    assert queue.dispatcher.pool is pool
    assert pool.workers == 2


def test_pool_and_queue_belong_together(queue: TaskQueue, pool: WorkerPool) -> None:
    """A second queue for the pool, or a second pool for the queue, is a RuntimeError."""
    pool.start_processing(queue)
    other = TaskQueue()
    with pytest.raises(RuntimeError, match="another queue"):
        pool.start_processing(other)
    with pytest.raises(RuntimeError, match="another pool"):
        WorkerPool(1).start_processing(queue)
    other.close()
    with pytest.raises(QueueClosed):
        WorkerPool(1).start_processing(other)


def test_a_thread_that_cannot_start_is_not_counted(
    queue: TaskQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the system has no thread left the call says so, and works when it is made again."""
    pool, executor = WorkerPool(2), WorkerPool(2)
    original = threading.Thread.start
    started: list[threading.Thread] = []

    def start(thread: threading.Thread) -> None:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        original(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError, match="new thread"):
            pool.start_processing(queue)
        with pytest.raises(RuntimeError, match="new thread"):
            executor.submit(int)
    pool.start_processing(queue)
    let_go(block_all(queue, 2))
    assert pool.stop(LIMIT)
    assert executor.submit(int).result(LIMIT) == 0
    assert len(executor._threads) == 2
    executor.shutdown()


def test_running_shows_what_runs_where(queue: TaskQueue, pool: WorkerPool) -> None:
    """running() names each busy worker and its run, with the task's progress."""
    pool.start_processing(queue)
    reported = threading.Event()
    blocker = Blocker()

    def work() -> None:
        current_task().progress(3, 10)
        reported.set()
        blocker.execute()

    task_id = queue.submit(Do(work))
    assert reported.wait(LIMIT)
    ((name, run),) = pool.running().items()
    assert name.startswith("worker-")
    assert (run.id, run.done, run.total) == (task_id, 3, 10)
    blocker.go.set()
    queue.join(LIMIT)
    assert queue.registry.get(task_id).worker == name
    pool.stop(LIMIT)
    assert pool.running() == {}


# -- grow and shrink


def test_a_pool_grows_while_it_runs(queue: TaskQueue, pool: WorkerPool) -> None:
    """More workers start at once, and take the tasks that were waiting."""
    pool.start_processing(queue)
    blockers = block_all(queue, 2)
    more = [Blocker(), Blocker()]
    queue.submit_many(more)
    assert not any(blocker.began.is_set() for blocker in more)
    pool.resize(4)
    assert pool.workers == 4
    for blocker in more:
        assert blocker.began.wait(LIMIT)
    let_go([*blockers, *more])
    queue.join(LIMIT)


@pytest.mark.parametrize("paused", [False, True])
def test_idle_workers_that_are_too_many_leave(queue: TaskQueue, paused: bool) -> None:
    """Shrinking an idle pool ends just the workers that are too many, paused or not."""
    pool = WorkerPool(5)
    pool.start_processing(queue)
    threads = dict(pool._threads)
    if paused:
        queue.pause()
        queue.submit_many([Do()] * 3)
    pool.resize(2)
    left = wait_until_left(pool, threads, 3)
    assert len(left) == 2
    queue.resume()
    assert queue.wait_for_result(queue.submit(Do(lambda: 5)), LIMIT) == 5
    queue.join(LIMIT)
    pool.shutdown()


def wait_until_left(
    pool: WorkerPool, threads: dict[str, threading.Thread], count: int
) -> list[threading.Thread]:
    """Wait until so many of the threads have ended; return those that are left."""
    end = time.monotonic() + LIMIT
    while sum(t.is_alive() for t in threads.values()) > len(threads) - count:
        assert time.monotonic() < end, "the workers don't leave"
        for thread in threads.values():
            if thread not in pool._threads.values():
                thread.join(0.1)
    return [thread for thread in threads.values() if thread.is_alive()]


def test_a_busy_worker_leaves_after_its_task(queue: TaskQueue) -> None:
    """Shrinking interrupts no task: the worker goes once its task has ended."""
    pool = WorkerPool(3)
    pool.start_processing(queue)
    threads = dict(pool._threads)
    blockers = block_all(queue, 3)
    pool.resize(1)
    assert len(pool.running()) == 3
    let_go(blockers)
    queue.join(LIMIT)
    assert len(wait_until_left(pool, threads, 2)) == 1
    pool.shutdown()


def test_resize_before_the_start(queue: TaskQueue) -> None:
    """A pool that has no queue yet takes the new size for later."""
    pool = WorkerPool(1)
    pool.resize(3)
    pool.start_processing(queue)
    let_go(block_all(queue, 3))
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        pool.resize(2)
    with pytest.raises(RuntimeError, match="shut down"):
        pool.start_processing(queue)


def test_a_name_that_is_used_again_keeps_its_run(queue: TaskQueue) -> None:
    """A worker on its last steps does not remove the run of its successor of the same name."""
    pool = WorkerPool(2)
    pool.start_processing(queue)
    leaving, go_on = threading.Event(), threading.Event()
    original = pool._gone

    def gone(name: str, **options: Any) -> None:
        leaving.set()
        assert go_on.wait(LIMIT)
        original(name, **options)

    pool._gone = gone  # type: ignore[method-assign]
    pool.resize(1)
    assert leaving.wait(LIMIT)
    pool._gone = original  # type: ignore[method-assign]
    pool.resize(2)
    blockers = block_all(queue, 2)
    go_on.set()
    for thread in list(pool._leaving):
        thread.join(LIMIT)
    assert len(pool.running()) == 2
    let_go(blockers)
    queue.join(LIMIT)
    pool.shutdown()
    assert pool.crashes == 0
    assert [blocker.runs for blocker in blockers] == [1, 1]


@pytest.mark.slow
def test_resizing_under_load_loses_nothing(queue: TaskQueue) -> None:
    """Growing and shrinking all the time, every task runs once, and the size is right after it."""
    runs: list[int] = []
    pool = WorkerPool(1)
    pool.start_processing(queue)
    for number in range(600):
        queue.submit(Do(lambda number=number: runs.append(number)))  # type: ignore[misc]
        pool.resize(number % 7 + 1)
    queue.join(LIMIT)
    assert sorted(runs) == list(range(600))
    assert pool.crashes == 0
    pool.resize(3)
    let_go(block_all(queue, 3))
    pool.shutdown()
    assert len(pool._leaving) <= 3, "threads that ended are still held"


# -- crashes


def test_a_busy_worker_crashes_at_its_checkpoint(queue: TaskQueue, pool: WorkerPool) -> None:
    """crash_worker() ends the worker of a sleeping task; the task runs again on a new worker."""
    pool.start_processing(queue)
    attempts: list[int] = []
    began = threading.Event()

    def work() -> str:
        attempts.append(current_task().attempt)
        began.set()
        if len(attempts) == 1:
            current_task().sleep(LIMIT)
        return "done"

    task_id = queue.submit(Do(work))
    assert began.wait(LIMIT)
    name = pool.crash_worker()
    assert name is not None
    assert queue.wait_for_result(task_id, LIMIT) == "done"
    assert attempts == [1, 2]
    assert pool.crashes == 1
    record = queue.registry.get(task_id)
    assert record.recoveries == 1
    assert "crash" in record.reason
    let_go(block_all(queue, 2))


def test_each_call_crashes_another_worker(queue: TaskQueue, pool: WorkerPool) -> None:
    """Two calls crash two busy workers, not one of them twice."""
    pool.start_processing(queue)
    sleepers = [Sleeper(), Sleeper()]
    queue.submit_many(sleepers)
    for sleeper in sleepers:
        assert sleeper.began.wait(LIMIT)
        sleeper.began.clear()
    names = {pool.crash_worker(), pool.crash_worker()}
    assert names == {"worker-1", "worker-2"}
    for sleeper in sleepers:
        assert sleeper.began.wait(LIMIT)
    assert pool.crashes == 2
    queue.close()


def test_a_task_without_checkpoints_ends_as_usual(queue: TaskQueue, pool: WorkerPool) -> None:
    """A crash that finds no checkpoint does not happen, and says nothing to the task."""
    pool.start_processing(queue)
    (blocker,) = block_all(queue, 1)
    assert pool.crash_worker() is not None
    let_go([blocker])
    queue.join(LIMIT)
    assert (pool.crashes, blocker.runs) == (0, 1)


@pytest.mark.parametrize("paused", [False, True])
def test_an_idle_worker_crashes_at_once(queue: TaskQueue, pool: WorkerPool, paused: bool) -> None:
    """With no task to crash in, a waiting worker ends and is replaced."""
    if paused:
        queue.pause()
    pool.start_processing(queue)
    threads = dict(pool._threads)
    assert pool.crash_worker() is None
    left = wait_until_left(pool, threads, 1)
    assert len(left) == 1
    queue.resume()
    let_go(block_all(queue, 2))
    assert pool.crashes == 1


def test_a_task_that_crashes_its_workers_is_dead_in_the_end(pool: WorkerPool) -> None:
    """After max_recoveries the task is not tried again, and its waiter learns why."""
    queue = TaskQueue(max_recoveries=2)
    pool.start_processing(queue)

    def crash() -> None:
        raise WorkerCrash("out of control")

    task_id = queue.submit(Do(crash))
    with pytest.raises(TaskDead, match="out of control") as caught:
        queue.wait_for_result(task_id, LIMIT)
    assert caught.value.task_id == task_id
    assert queue.registry.get(task_id).attempt == 3
    pool.shutdown()
    assert pool.crashes == 3
    queue.close()


def test_a_crash_that_cannot_be_printed(queue: TaskQueue, pool: WorkerPool) -> None:
    """A crash with a broken __str__ and __repr__ is logged and handled as any other."""

    class Unprintable(WorkerCrash):
        def __repr__(self) -> str:
            raise ZeroDivisionError

        __str__ = __repr__

    answers: list[Any] = [Unprintable(), "fine"]

    def work() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    pool.start_processing(queue)
    assert queue.wait_for_result(queue.submit(Do(work)), LIMIT) == "fine"
    assert pool.crashes == 1


@pytest.mark.parametrize("error", [MemoryError, SystemExit, ZeroDivisionError])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("where", ["claim", "settle", "start", "record succeeded"])
def test_a_fault_in_the_loop_replaces_the_worker(
    pool: WorkerPool, error: type[BaseException], when: str, where: str
) -> None:
    """Whatever breaks in the loop itself, the task comes to an end and the pool has its workers."""
    queue = TaskQueue()
    what, _, kind = where.partition(" ")
    owner = queue.dispatcher if what in ("claim", "settle") else queue.registry
    original = getattr(owner, what)
    broken = threading.Event()

    def fault(*args: Any, **options: Any) -> Any:
        hit = not broken.is_set() and (not kind or args[0] == kind)
        if hit:
            broken.set()
            if when == "before":
                raise error("in the loop")
        result = original(*args, **options)
        if hit and what == "claim" and result is not None:
            # The run was handed out, and nobody got it: what only a fault in Python could do.
            queue.dispatcher.lose(result, "lost on the way")
        if hit:
            raise error("in the loop")
        return result

    setattr(owner, what, fault)
    task_id = queue.submit(Do(lambda: "done"))
    pool.start_processing(queue)
    assert queue.wait_for_result(task_id, LIMIT) == "done"
    let_go(block_all(queue, 2))
    queue.join(LIMIT)
    assert broken.is_set()
    pool.shutdown()
    assert pool.crashes == 1
    assert queue.registry.counts()[TaskStatus.SUCCEEDED] == 3
    queue.close()


def test_a_pool_whose_workers_cannot_take_tasks_gives_up(
    caplog: pytest.LogCaptureFixture, in_time: InTime
) -> None:
    """With a pending queue that is broken the pool ends and says why, and runs in no circles."""

    class Broken(PendingQueue[str]):
        def get(self) -> str:
            raise TypeError("'<' not supported")

    queue, pool = TaskQueue(pending=Broken()), WorkerPool(3)

    def block() -> None:
        with queue, pool:
            pool.start_processing(queue)
            queue.submit(Do())

    with caplog.at_level(logging.WARNING):
        in_time(block)
    assert isinstance(pool.broken, TypeError)
    assert MAX_FAULTS <= pool.crashes <= MAX_FAULTS + 3
    assert "can't take tasks" in caplog.text


def test_faults_now_and_then_do_not_add_up(queue: TaskQueue) -> None:
    """Each task that runs sets the count of faults back."""
    pool = WorkerPool(1)
    calls = itertools.count()
    original = queue.dispatcher.claim

    def claim(*args: Any) -> Any:
        if next(calls) % 2:
            raise MemoryError
        return original(*args)

    queue.dispatcher.claim = claim  # type: ignore[method-assign]
    pool.start_processing(queue)
    for _ in range(2 * MAX_FAULTS):
        queue.wait_for_result(queue.submit(Do()), LIMIT)
    pool.shutdown()
    assert pool.crashes >= 2 * MAX_FAULTS - 1
    assert pool.broken is None


# -- shutdown


def test_shutdown_drains(queue: TaskQueue) -> None:
    """It waits for all that can run, ends the threads, and leaves the queue open."""
    pool = WorkerPool(2)
    pool.start_processing(queue)
    ids = queue.submit_many([Do(lambda: 1)] * 50)
    late = queue.submit(Do(), delay=500)
    pool.shutdown()
    assert {queue.status(task_id) for task_id in ids} == {TaskStatus.SUCCEEDED}
    assert queue.status(late) is TaskStatus.PENDING
    assert worker_threads() == set()
    assert queue.dispatcher.pool is None
    assert not queue.closed
    pool.shutdown()
    other = WorkerPool(1)
    other.start_processing(queue)
    assert queue.wait_for_result(queue.submit(Do(lambda: 5)), LIMIT) == 5
    other.shutdown()


def test_shutdown_can_cancel_what_is_pending(queue: TaskQueue) -> None:
    """With cancel_futures only what runs already is finished."""
    pool = WorkerPool(1)
    pool.start_processing(queue)
    (blocker,) = block_all(queue, 1)
    later = queue.submit(Do())
    pool.shutdown(wait=False, cancel_futures=True)
    with pytest.raises(TaskCancelled, match="pool was shut down"):
        queue.wait_for_result(later, 0)
    let_go([blocker])
    pool.shutdown()
    assert blocker.runs == 1


def test_shutdown_need_not_wait(queue: TaskQueue) -> None:
    """With wait=False it returns at once; the tasks are done and the threads end by themselves."""
    pool = WorkerPool(2)
    pool.start_processing(queue)
    blockers = block_all(queue, 2)
    later = queue.submit(Do(lambda: 5))
    pool.shutdown(wait=False)
    threads = list(pool._threads.values())
    let_go(blockers)
    assert queue.wait_for_result(later, LIMIT) == 5
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive()
    assert queue.dispatcher.pool is None


def test_shutdown_of_a_paused_queue_leaves_its_tasks(queue: TaskQueue, in_time: InTime) -> None:
    """What a paused queue holds is not waited for, even if a worker holds one of them."""
    pool = WorkerPool(2)
    pool.start_processing(queue)
    queue.pause()
    ids = queue.submit_many([Do()] * 4)
    in_time(pool.shutdown)
    assert {queue.status(task_id) for task_id in ids} == {TaskStatus.PENDING}
    queue.resume()
    for _ in ids:
        run_one(queue)
    assert {queue.status(task_id) for task_id in ids} == {TaskStatus.SUCCEEDED}


def test_a_pool_that_was_never_started_can_be_shut_down() -> None:
    """shutdown() and stop() of a pool without a queue do nothing."""
    WorkerPool().shutdown()
    assert WorkerPool().stop()
    with WorkerPool():
        pass


def test_a_task_cannot_wait_for_its_own_pool(queue: TaskQueue, pool: WorkerPool) -> None:
    """shutdown() inside a task would wait for itself: it is an error, unless wait=False."""
    pool.start_processing(queue)
    with pytest.raises(TaskFailed, match="its own pool"):
        queue.wait_for_result(queue.submit(Do(pool.shutdown)), LIMIT)
    assert queue.wait_for_result(queue.submit(Do(lambda: pool.shutdown(wait=False))), LIMIT) is None
    pool.shutdown()


def test_a_crash_on_the_way_out_strands_nobody(queue: TaskQueue, in_time: InTime) -> None:
    """If the worker that was nudged to leave crashes instead, the next one is nudged."""
    pool = WorkerPool(4)
    pool.start_processing(queue)
    queue.pause()  # all wait at the gate or for an item
    with pool._lock:
        pool._crashes_due = 2
    in_time(pool.shutdown)
    assert worker_threads() == set()


def test_a_nudge_is_not_lost_on_the_next_pool(queue: TaskQueue) -> None:
    """A second pool can't attach, and take the nudges of the first, before all have left."""
    first, second = WorkerPool(3), WorkerPool(1)
    first.start_processing(queue)
    threads = list(first._threads.values())
    blockers = block_all(queue, 1)
    first.shutdown(wait=False)
    with pytest.raises(RuntimeError, match="another pool"):
        second.start_processing(queue)
    let_go(blockers)
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive()
    second.start_processing(queue)
    second.shutdown()


# -- stop


def test_stop_gives_running_tasks_back(queue: TaskQueue) -> None:
    """A task that listens stops at its checkpoint and is pending again, with nothing counted."""
    pool = WorkerPool(1)
    pool.start_processing(queue)
    sleeper = Sleeper()
    task_id = queue.submit(sleeper)
    assert sleeper.began.wait(LIMIT)
    assert pool.stop(LIMIT)
    record = queue.registry.get(task_id)
    assert (record.status, record.attempt, record.recoveries) == (TaskStatus.PENDING, 0, 0)
    assert worker_threads() == set()
    other = WorkerPool(1)
    sleeper.began.clear()
    other.start_processing(queue)
    assert sleeper.began.wait(LIMIT)
    queue.cancel(task_id)
    other.shutdown()
    assert record.status is TaskStatus.CANCELLED


def test_a_stubborn_task_is_given_back_all_the_same(queue: TaskQueue) -> None:
    """stop(timeout) takes the task from a run that goes on; what that run says later is dropped."""
    pool = WorkerPool(1)
    pool.start_processing(queue)
    (blocker,) = block_all(queue, 1)
    (task_id,) = [record.id for record in queue.registry.records()]
    thread = pool._threads["worker-1"]
    assert not pool.stop(0.01)
    assert queue.status(task_id) is TaskStatus.PENDING
    other = WorkerPool(1)
    other.start_processing(queue)
    let_go([blocker])
    assert queue.wait_for_result(task_id, LIMIT) == "let go"
    thread.join(LIMIT)
    other.shutdown()
    assert queue.registry.totals()["succeeded"] == 1
    assert blocker.runs == 2


def test_stop_leaves_pending_tasks_alone(queue: TaskQueue) -> None:
    """Nothing is drained: idle workers go, and what was waiting still waits."""
    pool = WorkerPool(1)
    pool.start_processing(queue)
    sleeper = Sleeper()
    queue.submit(sleeper)
    assert sleeper.began.wait(LIMIT)
    ids = queue.submit_many([Do()] * 5)
    assert pool.stop(LIMIT)
    assert {queue.status(task_id) for task_id in ids} == {TaskStatus.PENDING}


def test_an_exception_stops_the_pool(queue: TaskQueue) -> None:
    """Leaving `with` by an exception gives running tasks back rather than drain."""
    sleeper = Sleeper()

    def block() -> None:
        with WorkerPool(1) as pool:
            pool.start_processing(queue)
            queue.submit(sleeper)
            assert sleeper.began.wait(LIMIT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()
    assert queue.registry.counts()[TaskStatus.PENDING] == 1


def test_a_start_that_meets_the_stop_is_asked_to_release(queue: TaskQueue) -> None:
    """A task that starts just as the pool stops is asked to stop as well."""
    pool = WorkerPool(1)
    original = pool._run

    def run_later(name: str, run: Any) -> Any:
        pool._stopping = True  # what stop() does first
        return original(name, run)

    pool._run = run_later  # type: ignore[method-assign]
    pool.start_processing(queue)
    task_id = queue.submit(Sleeper())
    queue.registry.when_idle(lambda: None)
    assert pool.stop(LIMIT)
    assert queue.status(task_id) is TaskStatus.PENDING


def test_a_queue_that_closes_ends_the_workers(queue: TaskQueue) -> None:
    """When the queue is closed the threads end by themselves, and the pool can be shut down."""
    pool = WorkerPool(2)
    pool.start_processing(queue)
    threads = list(pool._threads.values())
    queue.close()
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive()
    pool.shutdown()
    assert pool.crashes == 0


def test_a_store_that_breaks_ends_the_workers(in_time: InTime) -> None:
    """On StorageError nobody is left waiting: not a worker, a waiter, a submit, nor a block."""

    class Full(MemoryStore):
        def append(self, fact: RawFact) -> int:
            if fact[0] == facts.SUCCEEDED:
                raise StorageError("the disk is full")
            return 0

    queue, pool = TaskQueue(store=Full(), maxsize=1), WorkerPool(1)
    blocker = Blocker()
    errors: list[Exception] = []

    def expect(call: Callable[[], object]) -> None:
        try:
            call()
        except Exception as error:
            errors.append(error)

    def body() -> None:
        with queue, pool:
            pool.start_processing(queue)
            first = queue.submit(blocker)
            assert blocker.began.wait(LIMIT)
            second = queue.submit(Do())
            calls = (
                lambda: queue.wait_for_result(first),
                lambda: queue.wait_for_result(second),
                lambda: queue.submit(Do()),
                queue.join,
            )
            threads = [threading.Thread(target=expect, args=(call,), daemon=True) for call in calls]
            for thread in threads:
                thread.start()
            blocker.go.set()
            for thread in threads:
                thread.join()

    in_time(body)
    assert [type(error) for error in errors] == [StorageError] * 4


# -- what is kept alive, and the end of the process


def test_an_idle_pool_keeps_nothing_alive(queue: TaskQueue, pool: WorkerPool) -> None:
    """A worker that waits holds neither its last task nor the result of it."""

    class Thing:
        pass

    refs: list[weakref.ref[Any]] = []

    def make() -> Thing:
        thing = Thing()
        refs.append(weakref.ref(thing))
        return thing

    small = TaskQueue(retain=0)
    pool.start_processing(small)
    task = Do(make)
    refs.append(weakref.ref(task))
    small.submit(task)
    del task
    small.join(LIMIT)
    small.pause()
    pool.shutdown()  # by then the worker has come round to its next claim
    gc.collect()
    assert [ref() for ref in refs] == [None, None]
    small.close()


def test_a_worker_drops_the_last_result_before_it_waits() -> None:
    """The result of the last task is let go while the worker waits for the next one."""
    waits = threading.Semaphore(0)

    class Watched(PendingQueue[str]):
        def get(self) -> str:
            waits.release()
            return super().get()

    class Thing:
        pass

    queue, pool = TaskQueue(pending=Watched(), retain=0), WorkerPool(1)
    pool.start_processing(queue)
    assert waits.acquire(timeout=LIMIT)
    refs: list[weakref.ref[Thing]] = []

    def make() -> Thing:
        thing = Thing()
        refs.append(weakref.ref(thing))
        return thing

    queue.submit(Do(make))
    assert waits.acquire(timeout=LIMIT)
    gc.collect()
    assert refs[0]() is None
    pool.shutdown()
    queue.close()


@pytest.mark.slow
def test_the_interpreter_ends_in_order(run_python: RunPython) -> None:
    """At exit a pool that nobody shut down stops, its tasks asked to; its own futures are done."""
    done = run_python("""
        import sys
        import threading
        from taskqueue_edu import TaskQueue, WorkerPool, current_task

        say = sys.stdout.write  # one write a line: print() may be interrupted before its newline

        class Sleep:
            def execute(self):
                began.set()
                try:
                    current_task().sleep(60)
                finally:
                    say("asked to stop\\n")

        began = threading.Event()
        queue, pool, other = TaskQueue(), WorkerPool(2), WorkerPool(1)
        pool.start_processing(queue)
        queue.submit(Sleep())
        began.wait(10)
        other.submit(began.wait, 0.05)
        other.submit(say, "a future is done\\n")
        say("the end of the script\\n")
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == [
        "a future is done",
        "asked to stop",
        "the end of the script",
    ]


@pytest.mark.slow
def test_a_stubborn_task_does_not_keep_the_interpreter(run_python: RunPython) -> None:
    """A task that never ends gets its grace at exit, and is cut off with its daemon thread."""
    done = run_python("""
        import threading
        import taskqueue_edu.pool
        from taskqueue_edu import TaskQueue, WorkerPool

        taskqueue_edu.pool.EXIT_GRACE = 0.1

        class Forever:
            def execute(self):
                began.set()
                threading.Event().wait()

        began = threading.Event()
        queue, pool = TaskQueue(), WorkerPool(1)
        pool.start_processing(queue)
        queue.submit(Forever())
        began.wait(10)
        print("the end")
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "the end\n", "")


def test_retries_go_on_while_a_pool_drains(queue: TaskQueue) -> None:
    """shutdown() waits for tasks that are to be tried again."""
    pool = WorkerPool(1)
    pool.start_processing(queue)
    policy = RetryPolicy(attempts=3, delay=0.01)
    task_id = queue.submit(Fail("no"), retry=policy)
    pool.shutdown()
    record = queue.registry.get(task_id)
    assert (record.status, record.attempt) == (TaskStatus.FAILED, 3)
