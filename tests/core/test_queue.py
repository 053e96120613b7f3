"""What a client holds: submit, wait, cancel, pause, close."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import subprocess
import threading
import time
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from core_tasks import LIMIT, ODD, Add, Blocker, Do, Fail, Sleeper, run_one, serve

import taskqueue_edu
from taskqueue_edu.errors import (
    IllegalTransition,
    InvalidTask,
    QueueClosed,
    QueueFull,
    ResultExpired,
    TaskCancelled,
    TaskDead,
    TaskFailed,
    UnknownTask,
    WaitTimeout,
)
from taskqueue_edu.factlog import FactLog
from taskqueue_edu.pool import WorkerPool
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.task import TaskStatus, current_task

RunPython = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def pool(queue: TaskQueue) -> Iterator[WorkerPool]:
    """Two workers on the queue."""
    with WorkerPool(2) as pool:
        pool.start_processing(queue)
        yield pool


@contextlib.contextmanager
def running(queue: TaskQueue, task: Any = None) -> Iterator[tuple[str, Any]]:
    """Submit a task that blocks, and wait until it runs; let it go afterwards."""
    task = task or Blocker()
    task_id = queue.submit(task)
    assert task.began.wait(LIMIT)
    try:
        yield task_id, task
    finally:
        if isinstance(task, Blocker):
            task.go.set()


def in_thread(function: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    result: list[Any] = []

    def body() -> None:
        try:
            result.append(function())
        except BaseException as error:
            result.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    return thread, result


def finish(thread: threading.Thread, result: list[Any]) -> Any:
    thread.join(LIMIT / 2)
    assert not thread.is_alive(), "the thread still waits"
    return result[0]


# -- the example of the front page

SEED = """
    from dataclasses import dataclass
    from taskqueue_edu import TaskQueue, WorkerPool, task_type

    @task_type("math")
    @dataclass(frozen=True)
    class MathTask:
        operation: str
        operands: tuple[int, ...]

        def execute(self) -> int:
            return {"sum": sum, "max": max}[self.operation](self.operands)

    with TaskQueue() as queue, WorkerPool(4) as pool:
        task_id = queue.submit(MathTask("sum", (1, 2, 3, 4, 5)))
        pool.start_processing(queue)
        print(queue.wait_for_result(task_id))
"""


def test_the_seed_example_prints_15(run_python: RunPython) -> None:
    """The smallest whole program works, and submits before its pool has started."""
    done = run_python(SEED)
    assert (done.returncode, done.stdout, done.stderr) == (0, "15\n", "")


def test_every_public_name_is_there() -> None:
    """What the package lists in __all__ can be imported from it."""
    for name in taskqueue_edu.__all__:
        if name not in ("ControlPanel", "LiveMonitor"):  # they need ipywidgets
            assert getattr(taskqueue_edu, name) is not None
    with pytest.raises(AttributeError):
        taskqueue_edu.no_such_name  # noqa: B018


# -- submit


def test_ids_are_unique_strings_in_order(queue: TaskQueue) -> None:
    """submit() returns a str at once; submit_many() returns the ids in the order of the tasks."""
    one = queue.submit(Do())
    many = queue.submit_many(Do() for _ in range(3))
    assert [type(task_id) for task_id in (one, *many)] == [str] * 4
    assert [record.id for record in queue.registry.records()] == [one, *many]
    assert queue.submit_many([]) == []


def test_priority_then_age(queue: TaskQueue) -> None:
    """A higher priority starts first; among equals the older one does."""
    done: list[str] = []
    for name, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 5), ("e", -1)):
        queue.submit(Do(lambda name=name: done.append(name)), priority=priority)  # type: ignore[misc]
    for _ in range(5):
        run_one(queue)
    assert done == ["b", "d", "a", "c", "e"]


def test_a_delayed_task_is_due_later(queue: TaskQueue) -> None:
    """A delayed task waits, without a place in the line of those that are ready."""
    before = time.time()
    late = queue.submit(Do(), delay=100)
    soon = queue.submit(Do())
    record = queue.registry.get(late)
    assert record.due == pytest.approx(before + 100, abs=10)
    run_one(queue)
    assert queue.status(soon) is TaskStatus.SUCCEEDED
    assert queue.status(late) is TaskStatus.PENDING


@pytest.mark.slow
def test_a_delayed_task_runs_when_it_is_due(queue: TaskQueue, pool: WorkerPool) -> None:
    """It starts by itself, not before its time, with all workers idle."""
    task_id = queue.submit(Do(time.time), delay=0.3)
    due = queue.registry.get(task_id).due
    assert due is not None
    assert queue.wait_for_result(task_id, LIMIT) >= due


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        (object(), {}, "no execute"),
        (print, {}, "no execute"),
        (Do(), {"delay": -1}, "delay is -1"),
        (Do(), {"delay": float("nan")}, "delay is nan"),
        (Do(), {"delay": float("inf")}, "delay is inf"),
        (Do(), {"delay": "1"}, "delay is '1'"),
        (Do(), {"priority": 1.5}, "priority is 1.5"),
        (Do(), {"priority": "high"}, "priority is 'high'"),
        (Do(), {"priority": True}, "priority is True"),
        (Do(), {"priority": None}, "priority is None"),
        (Do(), {"priority": 2**62}, "priority is 4611"),
    ],
)
def test_bad_submissions(
    queue: TaskQueue, task: Any, options: dict[str, Any], message: str
) -> None:
    """A task or an option that makes no sense is refused with its reason, and leaves no trace."""
    with pytest.raises(InvalidTask, match=message) as caught:
        queue.submit(task, **options)
    assert caught.value.hint
    assert queue.registry.records() == []
    assert queue.registry._ledger.waiting() == 0


def test_a_task_that_cannot_be_shown_is_refused_all_the_same(queue: TaskQueue) -> None:
    """The error about a wrong object does not depend on its __repr__."""

    class Unshowable:
        def __repr__(self) -> str:
            raise ZeroDivisionError

    with pytest.raises(InvalidTask, match="Unshowable"):
        queue.submit(Unshowable())  # type: ignore[arg-type]


def test_one_bad_task_keeps_all_out(queue: TaskQueue) -> None:
    """submit_many() checks all before it queues the first."""
    with pytest.raises(InvalidTask):
        queue.submit_many([Do(), Do(), object()])  # type: ignore[list-item]
    assert queue.registry.records() == []


@pytest.mark.parametrize("option", ["maxsize", "retain", "max_recoveries"])
def test_negative_sizes_are_refused(option: str) -> None:
    """A queue with a negative bound would never take a task; it is a ValueError instead."""
    with pytest.raises(ValueError, match="negative"):
        TaskQueue(**{option: -1})


# -- the bound


def test_a_full_queue_refuses_in_time() -> None:
    """QueueFull comes at once with timeout=0, after the timeout else, and nothing is recorded."""
    queue = TaskQueue(maxsize=2)
    queue.submit_many([Do(), Do()])
    for timeout in (0, 0.01, -1.0):
        with pytest.raises(QueueFull, match="all 2 places") as caught:
            queue.submit(Do(), timeout=timeout)
        assert caught.value.hint
    assert len(queue.registry.records()) == 2
    queue.close()


def test_submit_many_says_how_far_it_came() -> None:
    """A QueueFull of submit_many() notes how many tasks are in; those stay."""
    queue = TaskQueue(maxsize=2)
    with pytest.raises(QueueFull) as caught:
        queue.submit_many([Do()] * 5, timeout=0)
    assert caught.value.__notes__ == ["2 of 5 tasks were queued before."]
    assert len(queue.registry.records()) == 2
    queue.close()


def blocked_submit(queue: TaskQueue) -> tuple[threading.Thread, list[Any]]:
    """Submit to a full queue in another thread; return once it waits for a place."""
    waits = threading.Event()
    original = queue.registry._places.wait

    def wait(timeout: float | None = None) -> bool:
        waits.set()
        return original(timeout)

    queue.registry._places.wait = wait  # type: ignore[method-assign]
    thread, result = in_thread(lambda: queue.submit(Do(lambda: "late")))
    assert waits.wait(LIMIT)
    return thread, result


@pytest.mark.parametrize("how", ["start", "cancel", "cancel_pending"])
def test_a_place_that_becomes_free_is_taken(how: str) -> None:
    """A submit that waits goes on when a task starts or is cancelled."""
    queue = TaskQueue(maxsize=1)
    first = queue.submit(Do())
    thread, result = blocked_submit(queue)
    if how == "start":
        run_one(queue)
    elif how == "cancel":
        queue.cancel(first)
    else:
        queue.cancel_pending()
    task_id = finish(thread, result)
    run_one(queue)
    assert queue.wait_for_result(task_id, 0) == "late"
    queue.close()


@pytest.mark.parametrize("maxsize", [3, 0])
def test_places_that_a_new_bound_makes_are_taken(maxsize: int) -> None:
    """All that wait go on when the bound rises that far or falls away, although no task went."""
    queue = TaskQueue(maxsize=1)
    queue.submit(Do())
    callers = [blocked_submit(queue) for _ in range(2)]
    queue.resize(maxsize)
    for caller in callers:
        assert queue.status(finish(*caller)) is TaskStatus.PENDING
    assert queue.maxsize == maxsize
    queue.close()


def test_a_lower_bound_leaves_what_waits() -> None:
    """After `resize` to fewer places than tasks wait, the next one enters below the new bound."""
    queue = TaskQueue(maxsize=3)
    ids = queue.submit_many([Do()] * 3)
    queue.resize(2)
    assert queue.registry.counts()[TaskStatus.PENDING] == 3
    for task_id in ids[:2]:
        with pytest.raises(QueueFull, match="all 2 places"):
            queue.submit(Do(), timeout=0)
        queue.cancel(task_id)
    queue.submit(Do(), timeout=0)
    with pytest.raises(QueueFull):
        queue.submit(Do(), timeout=0)
    queue.close()


def test_the_new_bound_is_checked() -> None:
    """A negative bound is refused, and the old one stays."""
    queue = TaskQueue(maxsize=3)
    with pytest.raises(ValueError, match="can't have -1 places; 0 means no bound"):
        queue.resize(-1)
    assert queue.maxsize == 3
    queue.close()


def test_closing_wakes_a_submit_that_waits() -> None:
    """A submit that waits for a place gets QueueClosed when the queue is closed."""
    queue = TaskQueue(maxsize=1)
    queue.submit(Do())
    thread, result = blocked_submit(queue)
    queue.close()
    assert isinstance(finish(thread, result), QueueClosed)
    assert len(queue.registry.records()) == 1


def test_a_retry_goes_past_the_bound() -> None:
    """A worker never waits for a place in its own queue."""
    queue = TaskQueue(maxsize=1, retry=RetryPolicy(attempts=2, delay=0.0))
    queue.submit(Fail("no"))
    run = queue.dispatcher.claim("me")
    assert run is not None
    queue.submit(Do(), timeout=0)
    assert queue.dispatcher.settle(run, "failed", _failure())
    assert queue.registry.counts()[TaskStatus.PENDING] == 2
    queue.close()


def _failure() -> Any:
    from taskqueue_edu.facts import Failure

    return Failure.of(LookupError("no"))


@pytest.mark.slow
def test_a_bounded_queue_takes_bounded_memory() -> None:
    """50,000 tasks through maxsize=100 take a few megabytes, not the sum of all of them."""
    queue = TaskQueue(maxsize=100, retain=100)
    queue.registry._ledger.log = FactLog(1000)
    peak_waiting = 0
    tracemalloc.start()
    try:
        with WorkerPool(2) as pool:
            pool.start_processing(queue)
            for number in range(50_000):
                queue.submit(Do(lambda number=number: bytes(1000)))  # type: ignore[misc]
                peak_waiting = max(peak_waiting, queue.registry._ledger.waiting())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        queue.close()
    assert peak_waiting <= 100
    assert peak < 4_000_000
    assert queue.registry.totals()["succeeded"] == 50_000


# -- results


def test_a_result_is_the_object_itself(queue: TaskQueue) -> None:
    """A memory queue hands out what the task returned, as often as it is asked."""
    value = object()
    task_id = queue.submit(Do(lambda: value))
    run_one(queue)
    assert queue.wait_for_result(task_id) is value
    assert queue.wait_for_result(task_id, 0) is value


@pytest.mark.parametrize("value", [None, ValueError("a value"), StopIteration(1), SystemExit])
def test_any_value_can_be_a_result(queue: TaskQueue, value: Any) -> None:
    """None is a result, and so is an exception that is returned."""
    task_id = queue.submit(Do(lambda: value))
    run_one(queue)
    assert queue.wait_for_result(task_id, 0) is value


def test_a_wait_can_end_early(queue: TaskQueue) -> None:
    """WaitTimeout is a TimeoutError with the id and a hint; the task goes on."""
    task_id = queue.submit(Do(lambda: 5))
    with pytest.raises(TimeoutError) as caught:
        queue.wait_for_result(task_id, 0.01)
    error = caught.value
    assert isinstance(error, WaitTimeout)
    assert error.task_id == task_id
    assert "cancel" in error.hint
    run_one(queue)
    assert queue.wait_for_result(task_id, 1e12) == 5


def test_many_can_wait_for_one(queue: TaskQueue) -> None:
    """Every waiter of a task gets its result."""
    task_id = queue.submit(Do(lambda: 5))
    waits = [in_thread(lambda: queue.wait_for_result(task_id, LIMIT)) for _ in range(5)]
    run_one(queue)
    assert [finish(*wait) for wait in waits] == [5] * 5


def test_an_unknown_id_is_an_error_at_once(queue: TaskQueue) -> None:
    """Every method that takes an id raises UnknownTask for one that is not of this queue."""
    for method in (queue.wait_for_result, queue.status, queue.cancel, queue.revive, queue.future):
        with pytest.raises(UnknownTask) as caught:
            method("never-1")  # type: ignore[operator]
        assert caught.value.task_id == "never-1"
        assert not isinstance(caught.value, ResultExpired)


def test_a_result_that_is_no_longer_kept() -> None:
    """An id past `retain` raises ResultExpired, which says what to do."""
    queue = TaskQueue(retain=1)
    first, second = queue.submit_many([Do(lambda: 1), Do(lambda: 2)])
    run_one(queue)
    run_one(queue)
    for method in (queue.wait_for_result, queue.status, queue.cancel, queue.revive, queue.future):
        with pytest.raises(ResultExpired, match="no longer kept"):
            method(first)  # type: ignore[operator]
    assert queue.wait_for_result(second, 0) == 2
    queue.close()


def test_who_waits_gets_the_result_even_if_it_is_not_kept() -> None:
    """With retain=0 nothing can be asked for afterwards, but a waiter is served."""
    queue = TaskQueue(retain=0)
    task_id = queue.submit(Do(lambda: 5))
    future = queue.future(task_id)
    run_one(queue)
    assert future.result(0) == 5
    with pytest.raises(ResultExpired):
        queue.status(task_id)
    queue.close()


# -- failures


def test_a_failure_carries_everything(queue: TaskQueue) -> None:
    """TaskFailed has the id, the attempt, the type and text, and the exception as its cause."""
    task_id = queue.submit(Fail("no such thing"))
    run_one(queue)
    with pytest.raises(TaskFailed) as caught:
        queue.wait_for_result(task_id, 0)
    error = caught.value
    assert error.task_id == task_id
    assert error.exception_type == "LookupError"
    assert "attempt 1" in error.message
    assert "no such thing" in error.message
    assert error.hint
    assert isinstance(error.__cause__, LookupError)
    assert error.__cause__.args == ("no such thing",)
    trace = error.__cause__.__traceback__
    assert trace is not None
    assert trace.tb_frame.f_code.co_name == "execute"


def test_each_waiter_raises_its_own_error(queue: TaskQueue) -> None:
    """Two waits raise two errors with one cause: a shared one would mix their tracebacks."""
    task_id = queue.submit(Fail("no"))
    run_one(queue)
    errors = []
    for _ in range(2):
        with pytest.raises(TaskFailed) as caught:
            queue.wait_for_result(task_id, 0)
        errors.append(caught.value)
    assert errors[0] is not errors[1]
    assert errors[0].__cause__ is errors[1].__cause__


@pytest.mark.parametrize("name", sorted(ODD))
def test_nothing_a_task_raises_harms_its_worker(
    queue: TaskQueue, pool: WorkerPool, name: str
) -> None:
    """The waiter gets TaskFailed from that very exception, and the worker goes on."""
    errors: list[BaseException] = []

    def misbehave() -> None:
        errors.append(ODD[name]())
        raise errors[0]

    task_id = queue.submit(Do(misbehave))
    with pytest.raises(TaskFailed) as caught:
        queue.wait_for_result(task_id, LIMIT)
    assert caught.value.__cause__ is errors[0]
    assert str(caught.value)
    assert queue.wait_for_result(queue.submit(Do(lambda: "next")), LIMIT) == "next"
    assert pool.crashes == 0


# -- cancel


def test_cancel_a_pending_task(queue: TaskQueue) -> None:
    """It will not run: True, the waiter gets TaskCancelled with the reason, once and for all."""
    ran: list[int] = []
    task_id = queue.submit(Do(lambda: ran.append(1)))
    assert queue.cancel(task_id, "changed my mind")
    assert not queue.cancel(task_id)
    assert queue.status(task_id) is TaskStatus.CANCELLED
    with pytest.raises(TaskCancelled, match="changed my mind") as caught:
        queue.wait_for_result(task_id, 0)
    assert caught.value.task_id == task_id
    other = queue.submit(Do())
    run_one(queue)
    assert queue.status(other) is TaskStatus.SUCCEEDED
    assert ran == []


def test_cancel_a_running_task(queue: TaskQueue, pool: WorkerPool) -> None:
    """It is asked to stop: False; the task ends as cancelled at its next checkpoint."""
    with running(queue, Sleeper()) as (task_id, _):
        assert not queue.cancel(task_id, "enough")
        with pytest.raises(TaskCancelled, match="enough"):
            queue.wait_for_result(task_id, LIMIT)
    assert queue.status(task_id) is TaskStatus.CANCELLED


def test_cancel_a_task_that_does_not_listen(queue: TaskQueue, pool: WorkerPool) -> None:
    """Without a checkpoint the task runs on, and its result counts."""
    with running(queue) as (task_id, _):
        assert not queue.cancel(task_id)
    assert queue.wait_for_result(task_id, LIMIT) == "let go"


def test_a_task_sees_that_it_is_cancelled(queue: TaskQueue, pool: WorkerPool) -> None:
    """`cancelled` becomes true inside the task."""
    asked = threading.Event()

    class Polite(Blocker):
        def execute(self) -> str:
            super().execute()
            return f"cancelled: {current_task().cancelled}"

    with running(queue, Polite()) as (task_id, _):
        queue.cancel(task_id)
        asked.set()
    assert queue.wait_for_result(task_id, LIMIT) == "cancelled: True"


def test_cancel_a_finished_task(queue: TaskQueue) -> None:
    """Nothing to cancel: False, and the result stays."""
    done, failed = queue.submit(Do(lambda: 5)), queue.submit(Fail("no"))
    run_one(queue)
    run_one(queue)
    assert not queue.cancel(done)
    assert not queue.cancel(failed)
    assert queue.wait_for_result(done, 0) == 5


def test_cancel_all_that_is_pending(queue: TaskQueue) -> None:
    """cancel_pending() leaves finished and running tasks alone, and says how many it was."""
    done = queue.submit(Do())
    run_one(queue)
    queue.submit(Do(), delay=50)
    queue.submit_many([Do(), Do()])
    assert queue.cancel_pending() == 3
    assert queue.cancel_pending() == 0
    assert queue.status(done) is TaskStatus.SUCCEEDED
    queue.join(0)


@pytest.mark.slow
def test_cancel_and_start_race(queue: TaskQueue) -> None:
    """Whoever comes first wins: a task that cancel() claims never runs, any other one does."""
    ran: set[int] = set()
    wrong: list[int] = []
    won = 0
    worker = serve(queue)
    for number in range(2000):
        task_id = queue.submit(Do(lambda number=number: ran.add(number)))  # type: ignore[misc]
        # Once the other thread is awake, meet it at another step each time.
        deadline = time.perf_counter_ns() + number % 100 * 1000
        while time.perf_counter_ns() < deadline:
            time.sleep(0)
        cancelled = queue.cancel(task_id)
        won += cancelled
        try:
            queue.wait_for_result(task_id, LIMIT)
            ended = True
        except TaskCancelled:
            ended = False
        if (number in ran) is cancelled or ended is cancelled:
            wrong.append(number)
    queue.close()
    worker.join(LIMIT)
    assert wrong == []
    assert 0 < won < 2000, "one side always won: the test shows nothing"


# -- revive


def test_a_failed_task_can_be_put_back(queue: TaskQueue) -> None:
    """revive() runs a failed task again from its start, with a new future and a new result."""
    answers = [LookupError("first"), "second"]

    def answer() -> Any:
        value = answers.pop(0)
        if isinstance(value, Exception):
            raise value
        return value

    task_id = queue.submit(Do(answer))
    before = queue.future(task_id)
    run_one(queue)
    assert isinstance(before.exception(0), TaskFailed)
    queue.revive(task_id)
    after = queue.future(task_id)
    assert not after.done()
    run_one(queue)
    assert queue.wait_for_result(task_id, 0) == "second"
    assert after.result(0) == "second"
    assert isinstance(before.exception(0), TaskFailed)


def test_a_dead_task_can_be_put_back() -> None:
    """revive() gives a dead task all its recoveries back."""
    queue = TaskQueue(max_recoveries=0)
    task_id = queue.submit(Do(lambda: 5))
    run = queue.dispatcher.claim("me")
    assert run is not None
    queue.dispatcher.lose(run, "crash")
    with pytest.raises(TaskDead):
        queue.wait_for_result(task_id, 0)
    queue.revive(task_id)
    run_one(queue)
    assert queue.wait_for_result(task_id, 0) == 5
    queue.close()


def test_only_failed_and_dead_tasks_can_be_revived(queue: TaskQueue) -> None:
    """Any other task refuses, and stays as it is; so does a closed queue."""
    pending = queue.submit(Do())
    with pytest.raises(IllegalTransition):
        queue.revive(pending)
    run_one(queue)
    with pytest.raises(IllegalTransition):
        queue.revive(pending)
    cancelled, failed = queue.submit(Do()), queue.submit(Fail("no"))
    queue.cancel(cancelled)
    with pytest.raises(IllegalTransition):
        queue.revive(cancelled)
    run_one(queue)
    queue.close()
    with pytest.raises(QueueClosed):
        queue.revive(failed)
    assert queue.status(failed) is TaskStatus.FAILED


@pytest.mark.parametrize("dead", [False, True])
def test_a_waiter_that_is_slower_than_the_revival(dead: bool) -> None:
    """Whoever was woken by a failure gets it, even if the task has been put back by then."""
    queue = TaskQueue(max_recoveries=0)
    task_id = queue.submit(Fail("no"))
    record = queue.registry.get(task_id)
    queue.registry.when_finished(record, lambda _: queue.revive(task_id))
    future = queue.future(task_id)  # is called after the line above has revived the task
    run = queue.dispatcher.claim("me")
    assert run is not None
    if dead:
        queue.dispatcher.lose(run, "crash")
    else:
        queue.dispatcher.settle(run, "failed", _failure())
    assert queue.status(task_id) is TaskStatus.PENDING
    error = future.exception(0)
    assert isinstance(error, TaskFailed)
    assert isinstance(error, TaskDead) is dead
    queue.close()


# -- join, drained


def test_join_waits_for_all(queue: TaskQueue, pool: WorkerPool) -> None:
    """join() returns when the last task has ended, or raises WaitTimeout saying what is left."""
    queue.join(0)
    with running(queue) as (task_id, _):
        queue.submit(Do(), delay=500)
        with pytest.raises(WaitTimeout, match="1 tasks are pending and 1 are running"):
            queue.join(0.01)
        queue.cancel_pending()
        thread, result = in_thread(lambda: queue.join(LIMIT))
    assert finish(thread, result) is None
    assert queue.status(task_id) is TaskStatus.SUCCEEDED
    assert queue.registry._idlers == []


def test_join_on_a_closed_memory_queue(queue: TaskQueue) -> None:
    """Closing cancels what is left, so there is nothing to wait for."""
    queue.submit_many([Do()] * 3)
    queue.close()
    queue.join(0)


def test_drained_leaves_the_loop_alive(queue: TaskQueue, pool: WorkerPool) -> None:
    """While drained() waits, other coroutines run; it returns when the last task has ended."""
    blocker = Blocker()

    async def main() -> list[str]:
        seen: list[str] = []
        queue.submit(blocker)

        async def other() -> None:
            await asyncio.to_thread(blocker.began.wait, LIMIT)
            seen.append("other")
            blocker.go.set()

        other_task = asyncio.create_task(other())
        await asyncio.wait_for(queue.drained(), LIMIT)
        seen.append("drained")
        await other_task
        await queue.drained()
        return seen

    assert asyncio.run(main()) == ["other", "drained"]


def test_cancelling_drained_leaves_nothing(queue: TaskQueue) -> None:
    """A coroutine that is cancelled while it waits takes its call off the registry."""
    task_id = queue.submit(Do())

    async def main() -> None:
        waiting = asyncio.create_task(queue.drained())
        await asyncio.sleep(0)
        assert len(queue.registry._idlers) == 1
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert queue.registry._idlers == []
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(queue.drained(), 0.01)

    asyncio.run(main())
    assert queue.registry._idlers == []
    run_one(queue)
    assert queue.status(task_id) is TaskStatus.SUCCEEDED


def test_a_loop_that_is_gone_is_not_called(queue: TaskQueue) -> None:
    """If the event loop was closed while drained() waited, the end of the task harms nobody."""
    task_id = queue.submit(Do())
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(queue.drained())
    loop.call_soon(loop.stop)
    loop.run_forever()
    calls = [call for _, call in queue.registry._idlers]
    waiting.cancel()
    loop.run_until_complete(asyncio.gather(waiting, return_exceptions=True))
    loop.close()
    for call in calls:
        call()
    run_one(queue)
    assert queue.status(task_id) is TaskStatus.SUCCEEDED


# -- pause


def test_pause_holds_the_tasks(queue: TaskQueue, pool: WorkerPool) -> None:
    """While paused nothing starts, submitting works, and running tasks go on to their end."""
    with running(queue) as (first, _):
        queue.pause()
        assert queue.paused
        ids = queue.submit_many([Do(lambda: 1)] * 5)
    assert queue.wait_for_result(first, LIMIT) == "let go"
    assert {queue.status(task_id) for task_id in ids} == {TaskStatus.PENDING}
    queue.resume()
    assert not queue.paused
    assert [queue.wait_for_result(task_id, LIMIT) for task_id in ids] == [1] * 5


def test_nothing_starts_while_paused(queue: TaskQueue, pool: WorkerPool) -> None:
    """From the return of pause() until resume() the log shows no start, many times over."""
    ids = [queue.submit(Do()) for _ in range(2000)]
    for _ in range(200):
        queue.pause()
        _, cursor = queue.registry.facts_since(0)
        time.sleep(0)  # let a worker that is wrong about it run
        since, _ = queue.registry.facts_since(cursor)
        assert [fact for fact in since if fact[0] == "started"] == []
        queue.resume()
    queue.join(LIMIT)
    assert {queue.status(task_id) for task_id in ids} == {TaskStatus.SUCCEEDED}


# -- close, with


def test_closing_a_memory_queue_cancels_what_is_left(queue: TaskQueue, pool: WorkerPool) -> None:
    """Pending tasks are cancelled, running ones asked to stop, and submit() raises QueueClosed."""
    with running(queue, Sleeper()) as (first, _):
        second = queue.submit(Do(), delay=50)
        queue.close()
        assert queue.closed
        for task_id in (first, second):
            with pytest.raises(TaskCancelled, match="queue was closed"):
                queue.wait_for_result(task_id, LIMIT)
    queue.close()
    for call in (lambda: queue.submit(Do()), lambda: queue.submit_many([Do()])):
        with pytest.raises(QueueClosed) as caught:
            call()
        assert caught.value.hint
    assert "cancelled" in repr(queue)


def test_a_retry_that_meets_the_close_is_cancelled() -> None:
    """A task that fails after its queue was closed is not put back, but cancelled."""
    queue = TaskQueue(retry=RetryPolicy(attempts=5, delay=0.0))
    task_id = queue.submit(Fail("no"))
    run = queue.dispatcher.claim("me")
    assert run is not None
    run.request_release("its worker stops, so the close comes second")
    queue.dispatcher.close()
    assert queue.dispatcher.settle(run, "failed", _failure())
    assert queue.status(task_id) is TaskStatus.CANCELLED


def test_close_and_start_race() -> None:
    """Whatever close() meets is asked to stop: no task of a closed memory queue sleeps on."""
    for _ in range(60):
        queue = TaskQueue()
        with WorkerPool(3) as pool:
            pool.start_processing(queue)
            ids = queue.submit_many([Do(lambda: current_task().sleep(LIMIT)) for _ in range(6)])
            queue.close()
            for task_id in ids:
                with pytest.raises(TaskCancelled):
                    queue.wait_for_result(task_id, LIMIT)


def test_a_start_that_overlaps_the_close_is_not_missed(queue: TaskQueue) -> None:
    """A worker that holds a task while close() looks around does not start it unasked to stop."""
    taken, go_on = threading.Event(), threading.Event()
    get, cancel_pending = queue.registry.get, queue.dispatcher.cancel_pending

    def held_get(task_id: str) -> Any:
        taken.set()
        assert go_on.wait(LIMIT)
        return get(task_id)

    def interrupted(reason: str) -> int:
        go_on.set()
        worker.join(LIMIT)
        return cancel_pending(reason)

    queue.registry.get = held_get  # type: ignore[method-assign]
    queue.dispatcher.cancel_pending = interrupted  # type: ignore[method-assign]
    worker, result = in_thread(lambda: queue.dispatcher.claim("me"))
    queue.submit(Do())
    assert taken.wait(LIMIT)
    queue.close()
    run = finish(worker, result)
    assert run is None or run.cancelled


def test_with_drains_on_success() -> None:
    """Leaving the block waits for all that can run."""
    with TaskQueue() as queue, WorkerPool(2) as pool:
        pool.start_processing(queue)
        ids = queue.submit_many([Do(lambda: 1)] * 20)
    assert {queue.status(task_id) for task_id in ids} == {TaskStatus.SUCCEEDED}
    assert queue.closed


def test_with_drains_in_the_other_order_too() -> None:
    """The queue may be the inner one: it waits for its tasks, and the pool has nothing left."""
    with WorkerPool(2) as pool, TaskQueue() as queue:
        pool.start_processing(queue)
        ids = queue.submit_many([Do(lambda: 1)] * 20)
    assert {queue.status(task_id) for task_id in ids} == {TaskStatus.SUCCEEDED}


def test_with_cancels_on_an_exception() -> None:
    """An exception in the block comes through, and the queue is closed at once."""
    blocker = Sleeper()
    queue = TaskQueue()
    ids: list[str] = []

    def block() -> None:
        with queue, WorkerPool(1) as pool:
            pool.start_processing(queue)
            ids.extend(queue.submit_many([blocker, Do()]))
            assert blocker.began.wait(LIMIT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()
    assert [queue.status(task_id) for task_id in ids] == [TaskStatus.CANCELLED] * 2


def test_with_waits_for_retries() -> None:
    """A task that waits for its next try can run, so the block waits for it."""
    policy = RetryPolicy(attempts=3, delay=0.01)
    with TaskQueue(retry=policy) as queue, WorkerPool(1) as pool:
        pool.start_processing(queue)
        task_id = queue.submit(Fail("no"))
    assert queue.registry.get(task_id).attempt == 3


@pytest.mark.parametrize("case", ["delayed", "paused", "no pool", "empty"])
def test_with_is_not_held_up(case: str, in_time: Callable[[Callable[[], object]], None]) -> None:
    """Delayed tasks, a paused queue, and one without a pool don't hold up the end of the block."""
    ids: list[str] = []

    def block() -> None:
        with contextlib.ExitStack() as stack:
            queue = stack.enter_context(TaskQueue())
            if case != "no pool":
                stack.enter_context(WorkerPool(2)).start_processing(queue)
            if case == "paused":
                queue.pause()
            if case != "empty":
                ids.append(queue.submit(Do(), delay=500 if case == "delayed" else 0))
            ids.append("")
        if case != "empty":
            assert queue.status(ids[0]) is TaskStatus.CANCELLED

    in_time(block)
    assert ids


def test_pausing_ends_the_wait_of_a_block(in_time: Callable[[Callable[[], object]], None]) -> None:
    """A block that waits for its tasks goes on when another thread pauses the queue."""
    queue, blocker = TaskQueue(), Blocker()

    def body() -> None:
        with WorkerPool(1) as pool, queue:
            pool.start_processing(queue)
            queue.submit(blocker)
            queue.submit(Do())
            assert blocker.began.wait(LIMIT)
            threading.Timer(0.0, lambda: (queue.pause(), blocker.go.set())).start()

    in_time(body)
    assert queue.closed


# -- nothing is kept


def test_a_finished_task_is_let_go(queue: TaskQueue) -> None:
    """The queue drops the task object once its result is there; the result stays."""
    task = Do(lambda: 5)
    task_id = queue.submit(task)
    run_one(queue)
    kept = weakref.ref(task)
    del task
    gc.collect()
    assert kept() is None
    assert queue.wait_for_result(task_id, 0) == 5


def test_repr_shows_the_counts(queue: TaskQueue) -> None:
    """The repr says how many tasks are where, and whether the queue is paused."""
    assert repr(queue) == "<TaskQueue: empty>"
    queue.submit(Add(1, 2))
    queue.pause()
    assert repr(queue) == "<TaskQueue: 1 pending, paused>"


@pytest.mark.slow
def test_ctrl_c_at_any_moment_leaves_the_locks_free(run_python: RunPython) -> None:
    """However often Ctrl-C comes in the middle of a submit, the next call is not held up by it."""
    done = run_python("""
        import signal
        from taskqueue_edu import TaskQueue
        from taskqueue_edu.workloads import MathTask

        queue, task, count = TaskQueue(), MathTask("sum", (1, 2)), 0
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        while count < 5000:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0002 + count % 97 * 1e-6)
                for _ in range(1000):
                    queue.submit(task)
            except KeyboardInterrupt:
                count += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        queue.close()
        print(count)
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "5000\n", "")
