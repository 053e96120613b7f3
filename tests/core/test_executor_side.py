"""WorkerPool as a `concurrent.futures.Executor`.

Each test runs on the standard library's ThreadPoolExecutor as well: what it says holds there, so
it is what a program that is given an Executor may rely on.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    CancelledError,
    Executor,
    Future,
    InvalidStateError,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from pathlib import Path
from typing import Any

import pytest
from core_tasks import LIMIT, ODD

from taskqueue_edu.errors import InvalidTask, QueueClosed, TaskCancelled, TaskDead, WorkerCrash
from taskqueue_edu.pool import WorkerPool
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.task import current_task

Make = Callable[[int], Executor]


def _pool_on_a_queue(workers: int) -> Executor:
    pool = WorkerPool(workers)
    pool.start_processing(TaskQueue())
    return pool


@pytest.fixture(params=[ThreadPoolExecutor, WorkerPool, _pool_on_a_queue])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """A maker of executors; those it made are shut down after the test."""
    made: list[Executor] = []

    def make(workers: int) -> Executor:
        made.append(request.param(workers))
        return made[-1]

    yield make
    for executor in made:
        executor.shutdown(cancel_futures=True)
        if isinstance(executor, WorkerPool) and executor.queue is not None:
            executor.queue.close()


class Held:
    """A function that says when it was called, and returns when it may."""

    def __init__(self, result: Any = "let go") -> None:
        self.began = threading.Event()
        self.go = threading.Event()
        self.result = result

    def __call__(self) -> Any:
        self.began.set()
        assert self.go.wait(LIMIT)
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


@pytest.fixture
def held() -> Iterator[Held]:
    held = Held()
    yield held
    held.go.set()


def hold(executor: Executor, held: Held) -> Future[Any]:
    """Keep a worker busy; return the future of the call that does."""
    future = executor.submit(held)
    assert held.began.wait(LIMIT)
    return future


# -- submit


def test_submit_returns_a_future_of_the_result(make: Make) -> None:
    """Arguments are passed on as they are, `self` and `fn` among the keywords included."""
    executor = make(2)

    def collect(*args: object, **kwargs: object) -> object:
        return args, kwargs

    future = executor.submit(collect, 1, self=2, fn=3)
    assert isinstance(future, Future)
    assert future.result(LIMIT) == ((1,), {"self": 2, "fn": 3})
    assert future.exception(LIMIT) is None
    assert future.done()
    assert not future.running()
    assert not future.cancelled()


@pytest.mark.parametrize("name", sorted(ODD))
def test_an_exception_is_the_functions_own(make: Make, name: str) -> None:
    """Whatever the function raises is the future's exception, itself; the worker goes on."""
    executor = make(1)
    error = ODD[name]()

    def fail() -> None:
        raise error

    future = executor.submit(fail)
    assert future.exception(LIMIT) is error
    with pytest.raises(type(error)) as caught:
        future.result()
    assert caught.value is error
    assert executor.submit(int).result(LIMIT) == 0


def test_an_exception_keeps_its_traceback(make: Make) -> None:
    """The traceback shows where in the function it was raised."""

    def fail() -> None:
        raise ZeroDivisionError

    error = make(1).submit(fail).exception(LIMIT)
    assert error is not None
    names = []
    trace = error.__traceback__
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert names[-1] == "fail"


def test_a_returned_exception_is_a_result(make: Make) -> None:
    """An exception that is returned, not raised, is a value like any other."""
    value = ValueError("a value")
    assert make(1).submit(lambda: value).result(LIMIT) is value


def test_calls_run_at_the_same_time(make: Make) -> None:
    """As many calls run at once as there are workers."""
    executor = make(3)
    together = threading.Barrier(3)
    futures = [executor.submit(together.wait, LIMIT) for _ in range(3)]
    assert sorted(future.result(LIMIT) for future in futures) == [0, 1, 2]


def test_calls_start_in_order(make: Make, held: Held) -> None:
    """With one worker, calls run in the order in which they were submitted."""
    executor = make(1)
    hold(executor, held)
    done: list[int] = []
    futures = [executor.submit(done.append, n) for n in range(20)]
    held.go.set()
    wait(futures, LIMIT)
    assert done == list(range(20))


def test_a_call_may_submit_another(make: Make) -> None:
    """A function that runs on the executor can use it."""
    executor = make(2)
    assert executor.submit(lambda: executor.submit(lambda: 5).result(LIMIT)).result(LIMIT) == 5


def test_waiting_can_end_early(make: Make, held: Held) -> None:
    """result() and exception() raise TimeoutError, and the call goes on."""
    future = hold(make(1), held)
    for method in (future.result, future.exception):
        with pytest.raises(TimeoutError):
            method(0.01)
        with pytest.raises(TimeoutError):
            method(0)
    held.go.set()
    assert future.result(LIMIT) == "let go"


# -- states


def test_states_of_a_future(make: Make, held: Held) -> None:
    """Pending, running, done: each state excludes the others."""
    executor = make(1)
    first = hold(executor, held)
    second = executor.submit(int)
    assert (first.running(), first.done()) == (True, False)
    assert (second.running(), second.done()) == (False, False)
    held.go.set()
    second.result(LIMIT)
    assert (first.running(), first.done()) == (False, True)


def test_a_pending_future_can_be_cancelled(make: Make, held: Held) -> None:
    """cancel() is True, now and again; the function is never called."""
    executor = make(1)
    hold(executor, held)
    called: list[int] = []
    future = executor.submit(called.append, 1)
    assert future.cancel()
    assert future.cancel()
    assert future.cancelled()
    assert future.done()
    assert not future.running()
    for method in (future.result, future.exception):
        with pytest.raises(CancelledError):
            method(0)
    held.go.set()
    executor.shutdown()
    assert called == []


def test_a_running_or_finished_future_cannot_be_cancelled(make: Make, held: Held) -> None:
    """cancel() is False once the call has begun, and the result counts."""
    executor = make(1)
    future = hold(executor, held)
    assert not future.cancel()
    assert not future.cancelled()
    held.go.set()
    assert future.result(LIMIT) == "let go"
    assert not future.cancel()
    assert not future.cancelled()


def test_a_finished_future_takes_no_other_outcome(make: Make) -> None:
    """set_result() and set_exception() of a future that is done raise InvalidStateError."""
    future = make(1).submit(int)
    future.result(LIMIT)
    with pytest.raises(InvalidStateError):
        future.set_result(1)
    with pytest.raises(InvalidStateError):
        future.set_exception(ValueError())


def test_a_future_can_be_shown(make: Make, held: Held) -> None:
    """The repr of a future names its state."""
    executor = make(1)
    future = hold(executor, held)
    assert "running" in repr(future)
    held.go.set()
    future.result(LIMIT)
    assert "finished" in repr(future)
    assert "int" in repr(future) or "str" in repr(future)


# -- callbacks


def test_callbacks_are_called_once_in_order(make: Make, held: Held) -> None:
    """Each is called with the future, which is done by then, in the order they were added."""
    future = hold(make(1), held)
    seen: list[tuple[int, bool]] = []
    last = threading.Event()
    for n in range(3):
        future.add_done_callback(lambda f, n=n: seen.append((n, f.done())))  # type: ignore[misc]
    future.add_done_callback(lambda _: last.set())
    assert seen == []
    held.go.set()
    assert last.wait(LIMIT)
    assert seen == [(0, True), (1, True), (2, True)]


def test_a_late_callback_is_called_at_once(make: Make) -> None:
    """Added to a future that is done, it is called then and there, in this thread."""
    future = make(1).submit(int)
    future.result(LIMIT)
    seen: list[object] = []
    future.add_done_callback(lambda f: seen.append((f, threading.current_thread())))
    assert seen == [(future, threading.current_thread())]


def test_a_callback_that_raises_is_logged(
    make: Make, held: Held, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception of a callback goes to the log; the others are called, the worker goes on."""
    executor = make(1)
    future = hold(executor, held)
    last = threading.Event()

    def fail(_: object) -> None:
        raise ZeroDivisionError("in a callback")

    future.add_done_callback(fail)
    future.add_done_callback(lambda _: last.set())
    with caplog.at_level(logging.ERROR):
        held.go.set()
        assert last.wait(LIMIT)
        assert executor.submit(int).result(LIMIT) == 0
    assert "in a callback" in caplog.text
    assert future.result(0) == "let go"


def test_cancelling_calls_back(make: Make, held: Held) -> None:
    """The callback of a future that is cancelled is called by cancel() itself."""
    executor = make(1)
    hold(executor, held)
    future = executor.submit(int)
    seen: list[bool] = []
    future.add_done_callback(lambda f: seen.append(f.cancelled()))
    future.cancel()
    assert seen == [True]
    future.cancel()
    assert seen == [True]


def test_a_callback_may_use_the_executor(make: Make) -> None:
    """A callback can submit the next call."""
    executor = make(1)
    results: list[object] = []
    done = threading.Event()

    def again(future: Future[int]) -> None:
        results.append(executor.submit(lambda: future.result() + 1))
        done.set()

    executor.submit(lambda: 1).add_done_callback(again)
    assert done.wait(LIMIT)
    (second,) = results
    assert isinstance(second, Future)
    assert second.result(LIMIT) == 2


# -- wait, as_completed


def test_wait_for_all(make: Make, held: Held) -> None:
    """ALL_COMPLETED returns when the last one is done; on a timeout it says what is not."""
    executor = make(2)
    slow, quick = hold(executor, held), executor.submit(int)
    quick.result(LIMIT)
    done, not_done = wait([slow, quick], 0.01, return_when=ALL_COMPLETED)
    assert (done, not_done) == ({quick}, {slow})
    held.go.set()
    done, not_done = wait([slow, quick], LIMIT, return_when=ALL_COMPLETED)
    assert (done, not_done) == ({slow, quick}, set())


def test_wait_for_the_first(make: Make, held: Held) -> None:
    """FIRST_COMPLETED returns as soon as one is done, while it waits or before."""
    executor = make(2)
    slow, quick = hold(executor, held), executor.submit(int)
    done, not_done = wait([slow, quick], LIMIT, return_when=FIRST_COMPLETED)
    assert (done, not_done) == ({quick}, {slow})
    assert wait([slow, quick], LIMIT, return_when=FIRST_COMPLETED).done == {quick}


def test_wait_for_the_first_exception(make: Make, held: Held) -> None:
    """FIRST_EXCEPTION returns when one has raised, and else waits for all."""
    executor = make(3)
    slow, fine = hold(executor, held), executor.submit(int)
    bad = Held(ZeroDivisionError())
    failing = hold(executor, bad)
    fine.result(LIMIT)
    threading.Timer(0.0, bad.go.set).start()
    done, not_done = wait([slow, fine, failing], LIMIT, return_when=FIRST_EXCEPTION)
    assert failing in done
    assert not_done == {slow}
    held.go.set()
    assert not wait([slow, fine], LIMIT, return_when=FIRST_EXCEPTION).not_done


def test_wait_counts_cancelled_futures(make: Make, held: Held) -> None:
    """A cancelled future is done, for one that waits already too."""
    executor = make(1)
    slow = hold(executor, held)
    waiting = executor.submit(int)
    cancelled = executor.submit(int)
    cancelled.cancel()
    held.go.set()
    assert wait([slow, waiting, cancelled], LIMIT).done == {slow, waiting, cancelled}


def test_as_completed_yields_in_the_order_of_the_ends(make: Make) -> None:
    """Those that are done come first, then each as it ends; duplicates come once."""
    executor = make(3)
    helds = [Held(n) for n in range(3)]
    futures = [hold(executor, held) for held in helds]
    order = []
    helds[1].go.set()
    futures[1].result(LIMIT)
    for future in as_completed([*futures, futures[0]], LIMIT):
        order.append(future.result())
        if len(order) == 1:
            helds[2].go.set()
            futures[2].result(LIMIT)
        if len(order) == 2:
            helds[0].go.set()
    assert order == [1, 2, 0]


def test_as_completed_yields_cancelled_futures(make: Make, held: Held) -> None:
    """A cancelled future is among them."""
    executor = make(1)
    first, second = hold(executor, held), executor.submit(int)
    second.cancel()
    held.go.set()
    assert set(as_completed([first, second], LIMIT)) == {first, second}


def test_as_completed_can_end_early(make: Make, held: Held) -> None:
    """After its timeout it raises TimeoutError, having yielded those that were done."""
    executor = make(2)
    slow, quick = hold(executor, held), executor.submit(int)
    quick.result(LIMIT)
    seen = []
    with pytest.raises(TimeoutError):
        seen.extend(as_completed([slow, quick], timeout=0.01))
    iterator = as_completed([slow, quick], timeout=0.01)
    assert next(iterator) is quick
    with pytest.raises(TimeoutError):
        next(iterator)


# -- map


def test_map_keeps_the_order(make: Make) -> None:
    """Results come in the order of the arguments, and stop at the shortest iterable."""
    executor = make(3)
    assert list(executor.map(pow, [2, 3, 4], [5, 2, 1, 9], timeout=LIMIT)) == [32, 9, 4]
    assert list(executor.map(int, [])) == []


def test_map_submits_all_at_once(make: Make) -> None:
    """The calls are submitted before the first result is asked for."""
    executor = make(2)
    called = threading.Semaphore(0)
    results = executor.map(lambda _: called.release(), range(5))
    for _ in range(5):
        assert called.acquire(timeout=LIMIT)
    assert list(results) == [None] * 5


def test_map_raises_where_the_exception_is(make: Make) -> None:
    """An exception comes when its result is due, after those before it; then map is over."""
    results = make(1).map(lambda n: 10 // n, [5, 2, 0, 1])
    assert next(results) == 2
    assert next(results) == 5
    with pytest.raises(ZeroDivisionError):
        next(results)
    with pytest.raises(StopIteration):
        next(results)


def test_map_that_fails_cancels_the_rest(make: Make) -> None:
    """What has not begun when the exception is raised is not called any more."""
    executor = make(1)
    blocked, called = Held(), []

    def call(n: int) -> None:
        if n == 0:
            raise ZeroDivisionError
        if n == 1:
            blocked()
        called.append(n)

    results = executor.map(call, range(5))
    assert blocked.began.wait(LIMIT)
    with pytest.raises(ZeroDivisionError):
        next(results)
    blocked.go.set()
    executor.shutdown()
    assert called == [1]


def test_map_can_end_early(make: Make, held: Held) -> None:
    """With a timeout from the call of map, a result that is late raises TimeoutError."""
    executor = make(2)
    results = executor.map(lambda f: f(), [int, held], timeout=0.05)
    assert next(results) == 0
    with pytest.raises(TimeoutError):
        next(results)


def test_map_after_shutdown(make: Make) -> None:
    """map() of an executor that was shut down raises, like submit()."""
    executor = make(1)
    executor.shutdown()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        executor.map(int, [1])


# -- shutdown


def test_submit_after_shutdown(make: Make) -> None:
    """A call after shutdown() is refused, even if the executor was never used."""
    used, unused = make(1), make(1)
    used.submit(int).result(LIMIT)
    for executor in (used, unused):
        executor.shutdown()
        with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
            executor.submit(int)
        executor.shutdown()


def test_shutdown_waits_for_what_was_submitted(make: Make) -> None:
    """Pending calls are finished, not dropped."""
    executor = make(2)
    futures = [executor.submit(lambda n=n: n) for n in range(50)]
    executor.shutdown()
    assert [future.done() for future in futures] == [True] * 50
    assert [future.result(0) for future in futures] == list(range(50))


def test_shutdown_need_not_wait(make: Make, held: Held) -> None:
    """With wait=False it returns at once, and what was submitted is still done."""
    executor = make(1)
    first = hold(executor, held)
    second = executor.submit(lambda: 5)
    executor.shutdown(wait=False)
    with pytest.raises(RuntimeError):
        executor.submit(int)
    assert not first.done()
    held.go.set()
    assert first.result(LIMIT) == "let go"
    assert second.result(LIMIT) == 5


def test_shutdown_can_cancel_pending_futures(make: Make, held: Held) -> None:
    """With cancel_futures what has not begun is cancelled, what has is finished."""
    executor = make(1)
    first = hold(executor, held)
    others = [executor.submit(int) for _ in range(5)]
    executor.shutdown(wait=False, cancel_futures=True)
    held.go.set()
    executor.shutdown(wait=True)
    assert first.result(0) == "let go"
    assert all(future.cancelled() for future in others)


def test_the_context_manager_shuts_down(make: Make) -> None:
    """Leaving `with` waits for what was submitted."""
    with make(2) as executor:
        futures = [executor.submit(int) for _ in range(20)]
    assert all(future.done() for future in futures)
    with pytest.raises(RuntimeError):
        executor.submit(int)


@pytest.mark.slow
def test_submit_and_shutdown_race(make: Make) -> None:
    """A submit in another thread is refused or done: no future is dropped, or cancelled by it."""

    def submit_until_refused(executor: Executor, futures: list[Future[int]]) -> None:
        with contextlib.suppress(RuntimeError):
            while True:
                futures.append(executor.submit(int))

    for _ in range(60):
        executor = make(2)
        futures = [executor.submit(int)]
        thread = threading.Thread(target=submit_until_refused, args=(executor, futures))
        thread.start()
        executor.shutdown()
        thread.join(LIMIT)
        assert wait(futures, LIMIT).not_done == set()
        assert {future.result(0) for future in futures} == {0}


# -- asyncio


def test_a_loop_runs_functions_on_it(make: Make) -> None:
    """loop.run_in_executor() awaits results and exceptions."""
    executor = make(2)

    async def main() -> object:
        loop = asyncio.get_running_loop()
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(executor, divmod, 1, 0)
        return await asyncio.gather(*(loop.run_in_executor(executor, abs, -n) for n in range(5)))

    assert asyncio.run(main()) == [0, 1, 2, 3, 4]


def test_a_future_can_be_awaited(make: Make, held: Held) -> None:
    """asyncio.wrap_future() follows results and cancels what is pending."""
    executor = make(1)
    first = hold(executor, held)
    second = executor.submit(int)

    async def main() -> object:
        wrapped = asyncio.wrap_future(second)
        wrapped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wrapped
        await asyncio.sleep(0)  # the cancel is passed on by a callback of the loop
        held.go.set()
        return await asyncio.wait_for(asyncio.wrap_future(first), LIMIT)

    assert asyncio.run(main()) == "let go"
    assert second.cancelled()


# -- what is kept alive


def test_nothing_of_a_call_is_kept(make: Make) -> None:
    """Once its future is dropped, neither function nor arguments nor result are held."""

    class Thing:
        def method(self, other: object) -> object:
            return Thing()

    executor = make(1)
    if isinstance(executor, WorkerPool) and executor.queue is not None:
        pytest.skip("a queue of one's own keeps the results, as its `retain` says")
    collected = threading.Semaphore(0)
    thing, argument = Thing(), Thing()
    for each in (thing, argument):
        weakref.finalize(each, collected.release).atexit = False
    future = executor.submit(thing.method, argument)
    weakref.finalize(future.result(LIMIT), collected.release).atexit = False
    del thing, argument, each, future
    for _ in range(3):
        assert collected.acquire(timeout=LIMIT)


# -- of its own


def test_a_future_is_cancelled_through_its_queue() -> None:
    """Cancelling a future frees its place, and is a fact like any other."""
    pool, held = WorkerPool(1), Held()
    queue = TaskQueue(maxsize=1)
    pool.start_processing(queue)
    hold(pool, held)
    assert pool.submit(int).cancel()
    assert pool.submit(int).cancel()
    assert queue.registry.totals()["cancelled"] == 2
    held.go.set()
    pool.shutdown()
    queue.close()


def test_whoever_waits_sees_cancelled_futures() -> None:
    """Futures that shutdown(cancel_futures=True) cancelled are done for wait() as well."""
    pool, held = WorkerPool(1), Held()
    first = hold(pool, held)
    others = [pool.submit(int) for _ in range(3)]
    pool.shutdown(wait=False, cancel_futures=True)
    assert wait(others, LIMIT).done == set(others)
    held.go.set()
    pool.shutdown()
    assert first.done()


def test_a_running_function_sees_that_its_future_is_cancelled() -> None:
    """cancel() of a running call is False, and asks the function to stop at a checkpoint."""
    with WorkerPool(1) as pool:
        began = threading.Event()

        def work() -> None:
            began.set()
            current_task().sleep(LIMIT)

        future = pool.submit(work)
        assert began.wait(LIMIT)
        assert not future.cancel()
        with pytest.raises(TaskCancelled):
            future.result(LIMIT)


def test_a_crash_is_the_futures_exception_in_the_end() -> None:
    """A function that takes its worker down each time ends as TaskDead, not in silence."""
    with WorkerPool(1) as pool:

        def crash() -> None:
            raise WorkerCrash("again")

        assert isinstance(pool.submit(crash).exception(LIMIT), TaskDead)
        assert pool.submit(int).result(LIMIT) == 0


def test_a_function_cannot_go_into_a_journal(tmp_path: Path) -> None:
    """On a persistent queue submit() of a function is refused: no journal can keep code."""
    with TaskQueue.open(tmp_path / "jobs") as queue, WorkerPool(1) as pool:
        pool.start_processing(queue)
        with pytest.raises(InvalidTask, match="not registered"):
            pool.submit(int)


def test_a_queue_that_is_closed_takes_no_call() -> None:
    """submit() raises QueueClosed, a RuntimeError, when the pool's queue was closed."""
    pool = WorkerPool(1)
    pool.submit(int).result(LIMIT)
    assert pool.queue is not None
    pool.queue.close()
    with pytest.raises(QueueClosed):
        pool.submit(int)
    pool.shutdown()


def test_a_callback_that_exits_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """A callback that raises SystemExit is logged as well: the worker and the waiters go on."""
    with WorkerPool(1) as pool:
        held = Held()
        future = hold(pool, held)

        def leave(_: object) -> None:
            raise SystemExit("in a callback")

        future.add_done_callback(leave)
        held.go.set()
        assert future.result(LIMIT) == "let go"
        assert pool.submit(int).result(LIMIT) == 0
        assert pool.crashes == 0
    assert "in a callback" in caplog.text


def test_a_finished_future_keeps_no_pool_alive() -> None:
    """Pool, queue and records can go while a program still holds the futures."""
    pool = WorkerPool(1)
    futures = [pool.submit(int), pool.submit(divmod, 1, 0), pool.submit(int)]
    futures[2].cancel()
    wait(futures, LIMIT)
    refs = [weakref.ref(pool), weakref.ref(pool.queue), weakref.ref(pool.queue.registry)]
    pool.shutdown()
    del pool
    gc.collect()
    assert [ref() for ref in refs] == [None] * 3
    assert futures[0].result(0) == 0


def test_stop_ends_the_futures() -> None:
    """stop() cancels what has not begun, and asks what runs to stop."""
    pool = WorkerPool(1)
    began = threading.Event()

    def work() -> None:
        began.set()
        current_task().sleep(LIMIT)

    first, second = pool.submit(work), pool.submit(int)
    assert began.wait(LIMIT)
    assert pool.stop(LIMIT)
    assert second.cancelled()
    with pytest.raises(CancelledError):
        first.result(0)
