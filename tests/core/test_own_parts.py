"""Parts of one's own plug in: a pending queue, a store, a pool, a retry policy, an executor.

Each is written here as a learner would write it, from the few names that the package asks for.
"""

from __future__ import annotations

import itertools
import json
import os
import queue as stdlib_queue
import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
from core_tasks import LIMIT, Add, Do, Fail

from taskqueue_edu import facts
from taskqueue_edu.errors import QueueClosed, QueueFull, StorageError, TaskCancelled, TaskFailed
from taskqueue_edu.executor import run_task
from taskqueue_edu.executor_pool import ExecutorPool
from taskqueue_edu.facts import RawFact
from taskqueue_edu.monitor import Monitor
from taskqueue_edu.pending import PendingQueue
from taskqueue_edu.pool import WorkerPool
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.registry import Registry, fold
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.storage import MemoryStore
from taskqueue_edu.task import TaskStatus

# -- pending queues


class Plain:
    """First in, first out; no priorities, no delays, no duplicates sorted out."""

    def __init__(self) -> None:
        self._items: deque[str] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: str, priority: int = 0, due: float | None = None) -> None:
        with self._changed:
            if self._closed:
                raise QueueClosed("closed")
            self._items.append(item)
            self._changed.notify()

    def get(self) -> str:
        with self._changed:
            while not self._items and not self._closed:
                self._changed.wait()
            if self._closed:
                raise QueueClosed("closed")
            return self._items.popleft()

    def discard(self, item: str) -> bool:
        with self._changed:
            if item in self._items:
                self._items.remove(item)
                return True
            return False

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class OnStdlib:
    """queue.PriorityQueue does the work; a sentinel for each waiting thread ends it."""

    def __init__(self) -> None:
        self._queue: stdlib_queue.PriorityQueue[tuple[int, int, str | None]] = (
            stdlib_queue.PriorityQueue()
        )
        self._numbers = itertools.count()
        self._closed = False

    def put(self, item: str, priority: int = 0, due: float | None = None) -> None:
        if self._closed:
            raise QueueClosed("closed")
        self._queue.put((-priority, next(self._numbers), item))

    def get(self) -> str:
        item = self._queue.get()[2]
        if item is None:
            self._queue.put((-(2**63), next(self._numbers), None))
            raise QueueClosed("closed")
        return item

    def discard(self, item: str) -> bool:
        return False  # the worker that gets it finds out that it was cancelled

    def close(self) -> None:
        self._closed = True
        self._queue.put((-(2**63), next(self._numbers), None))


@pytest.mark.parametrize("pending", [Plain, OnStdlib, PendingQueue])
@pytest.mark.parametrize("kind", [WorkerPool, "executor"])
def test_a_pending_queue_of_ones_own(pending: type[Any], kind: Any) -> None:
    """All works on it: both pools, cancel, retries, pause, resize, the bound, the monitor."""
    queue = TaskQueue(pending=pending(), maxsize=50, retry=RetryPolicy(attempts=2, delay=0.0))
    monitor = Monitor(queue)
    pool = WorkerPool(2) if kind is WorkerPool else ExecutorPool(Inline(), slots=2)
    with queue, pool:
        queue.pause()
        cancelled = queue.submit(Add(0, 0))
        assert queue.cancel(cancelled)
        pool.start_processing(queue)
        ids = queue.submit_many([Add(n, n) for n in range(30)])
        failing = queue.submit(Fail("no"))
        queue.resume()
        pool.resize(4)
        pool.resize(1)
        if isinstance(pool, WorkerPool):
            pool.crash_worker()
        assert [queue.wait_for_result(task_id, LIMIT) for task_id in ids] == [
            2 * n for n in range(30)
        ]
        with pytest.raises(TaskFailed, match="attempt 2"):
            queue.wait_for_result(failing, LIMIT)
    assert queue.registry._ledger.waiting() == 0
    counts = monitor.snapshot().counts
    assert (counts[TaskStatus.SUCCEEDED], counts[TaskStatus.CANCELLED]) == (30, 1)


@pytest.mark.parametrize("pending", [Plain, OnStdlib, PendingQueue])
def test_a_queue_with_it_closes(pending: type[Any]) -> None:
    """Idle workers end, a submit that waits is woken, and what is left is cancelled."""
    queue = TaskQueue(pending=pending(), maxsize=1)
    left = queue.submit(Add(1, 2))
    with pytest.raises(QueueFull):
        queue.submit(Add(1, 2), timeout=0)
    queue.pause()
    with WorkerPool(3) as pool:
        pool.start_processing(queue)
        queue.close()
    with pytest.raises(TaskCancelled):
        queue.wait_for_result(left, 0)
    with pytest.raises(QueueClosed):
        queue.submit(Add(1, 2))


# -- stores


class ListStore:
    """Keeps live objects in a list that a later queue can be given."""

    json = False

    def __init__(self, kept: list[RawFact]) -> None:
        self.kept = kept
        self.open = True
        self.flushed = self.synced = 0

    def load(self) -> Iterable[RawFact]:
        return list(self.kept)

    def append(self, fact: RawFact) -> int:
        assert self.open, "appended after close()"
        self.kept.append(fact)
        return len(self.kept)

    def flush(self, position: int) -> None:
        assert position <= len(self.kept)
        self.flushed = max(self.flushed, position)

    def sync(self, position: int) -> None:
        assert position <= len(self.kept)
        self.synced = max(self.synced, position)

    def close(self) -> None:
        self.open = False


def test_a_store_of_ones_own() -> None:
    """It gets every fact in order, is asked to sync what is acknowledged, and is closed."""
    kept: list[RawFact] = []
    store = ListStore(kept)
    with TaskQueue(store=store) as queue, WorkerPool(2) as pool:
        pool.start_processing(queue)
        ids = queue.submit_many([Do(lambda: 5), Fail("no")])
        assert queue.wait_for_result(ids[0], LIMIT) == 5
    assert not store.open
    assert store.flushed == len(kept)
    assert store.synced > [fact[:2] for fact in kept].index(("succeeded", ids[0]))
    for task_id, last in zip(ids, ("succeeded", "failed"), strict=True):
        assert [f[0] for f in kept if f[1] == task_id] == ["submitted", "started", last]
    copy = fold(kept)
    assert copy.counts()[TaskStatus.SUCCEEDED] == 1


def test_a_store_is_closed_after_the_last_fact() -> None:
    """Closing a queue whose tasks still run closes its store when they have ended."""
    store = ListStore([])
    queue = TaskQueue(store=store)
    queue.submit(Do())
    run = queue.dispatcher.claim("me")
    assert run is not None
    queue.close()
    assert store.open
    assert queue.dispatcher.settle(run, *run_task(run))
    assert not store.open


class TextStore(MemoryStore):
    """Writes JSON lines, and reads nothing back."""

    json = True

    def __init__(self, path: Path) -> None:
        self.file = path.open("w")

    def append(self, fact: RawFact) -> int:
        kind, task_id, at, who, _ = fact
        self.file.write(json.dumps([kind, task_id, at, who]) + "\n")
        return self.file.tell()

    def flush(self, position: int) -> None:
        self.file.flush()

    def sync(self, position: int) -> None:
        os.fsync(self.file.fileno())

    def close(self) -> None:
        self.file.close()


def test_a_store_of_json_of_ones_own(tmp_path: Path) -> None:
    """A store that says it keeps JSON gets tasks and results that went through the codec."""
    with TaskQueue(store=TextStore(tmp_path / "facts")) as queue, WorkerPool(1) as pool:
        pool.start_processing(queue)
        task_id = queue.submit(Add(1, 2))
        assert queue.wait_for_result(task_id, LIMIT) == 3
        assert queue.registry.get(task_id).value == b"3"
    lines = [json.loads(line) for line in (tmp_path / "facts").read_text().splitlines()]
    assert [line[0] for line in lines] == ["submitted", "started", "succeeded"]


def test_a_store_that_refuses_ends_the_queue() -> None:
    """StorageError from a store of one's own reaches submit(), and every later call."""

    class Full(MemoryStore):
        def append(self, fact: RawFact) -> int:
            raise StorageError("no space in my list")

    queue = TaskQueue(store=Full(), maxsize=1)
    for _ in range(3):
        with pytest.raises(StorageError, match="no space"):
            queue.submit(Add(1, 2))
    queue.close()


# -- pools


class MyPool:
    """Threads over claim() and settle()."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._leaving = False
        self._threads: list[threading.Thread] = []
        self._queue: TaskQueue | None = None

    def start_processing(self, queue: TaskQueue) -> None:
        self._queue = queue
        queue.dispatcher.attach(self)
        for n in range(self.workers):
            thread = threading.Thread(target=self._work, args=(f"mine-{n}",))
            thread.start()
            self._threads.append(thread)

    def _work(self, name: str) -> None:
        assert self._queue is not None
        desk = self._queue.dispatcher
        while (run := desk.claim(name, lambda: self._leaving)) is not None:
            desk.settle(run, *run_task(run))
        desk.nudge()  # the next one

    def stop(self) -> None:
        assert self._queue is not None
        self._leaving = True
        self._queue.dispatcher.nudge()
        for thread in self._threads:
            thread.join(LIMIT)
        self._queue.dispatcher.detach(self)


def test_a_pool_of_ones_own() -> None:
    """attach(), claim(), settle(), nudge() and detach() are all that a pool needs."""
    queue = TaskQueue(retry=RetryPolicy(attempts=2, delay=0.0))
    pool = MyPool(3)
    pool.start_processing(queue)
    ids = queue.submit_many([Add(n, n) for n in range(50)])
    failing = queue.submit(Fail("no"))
    with queue:
        pass  # waits for the tasks, since a pool is attached
    assert [queue.wait_for_result(task_id, 0) for task_id in ids] == [2 * n for n in range(50)]
    assert queue.registry.get(failing).attempt == 2
    assert {queue.registry.get(task_id).worker for task_id in ids} <= {"mine-0", "mine-1", "mine-2"}
    pool.stop()
    assert queue.dispatcher.pool is None


def test_a_pool_of_ones_own_can_leave() -> None:
    """Without closing the queue its threads end, and another pool takes over."""
    queue = TaskQueue()
    pool = MyPool(3)
    pool.start_processing(queue)
    assert queue.wait_for_result(queue.submit(Add(1, 2)), LIMIT) == 3
    pool.stop()
    assert not any(thread.is_alive() for thread in pool._threads)
    with WorkerPool(1) as other:
        other.start_processing(queue)
        assert queue.wait_for_result(queue.submit(Add(3, 4)), LIMIT) == 7
    queue.close()


def test_a_pool_of_ones_own_that_crashes() -> None:
    """lose() gives back the task of a worker that is no more."""
    queue = TaskQueue()
    task_id = queue.submit(Add(1, 2))
    run = queue.dispatcher.claim("doomed")
    assert run is not None
    queue.dispatcher.lose(run, "my thread died")
    with WorkerPool(1) as pool:
        pool.start_processing(queue)
        assert queue.wait_for_result(task_id, LIMIT) == 3
    assert queue.registry.get(task_id).recoveries == 1
    queue.close()


# -- a retry policy


class Stubborn:
    """Tries again at once, up to five times, whatever happened."""

    def wait_after(self, attempt: int, error_names: Iterable[str]) -> float | None:
        return 0.0 if attempt < 5 else None


class Buggy:
    def wait_after(self, attempt: int, error_names: Iterable[str]) -> float | None:
        raise ZeroDivisionError("in the policy")


def test_a_retry_policy_of_ones_own() -> None:
    """Anything with wait_after() is a policy, for a queue or a submission."""
    queue = TaskQueue(retry=Stubborn())  # type: ignore[arg-type]
    with queue, WorkerPool(1) as pool:
        pool.start_processing(queue)
        task_id = queue.submit(Fail("no"))
    assert queue.registry.get(task_id).attempt == 5


def test_a_retry_policy_with_a_bug_strands_nobody() -> None:
    """A policy that raises takes its worker down, and the task is dead in the end, not stuck."""
    queue = TaskQueue(max_recoveries=1)
    with queue, WorkerPool(2) as pool:
        pool.start_processing(queue)
        task_id = queue.submit(Fail("no"), retry=Buggy())  # type: ignore[arg-type]
        with pytest.raises(TaskFailed, match="in the policy"):
            queue.wait_for_result(task_id, LIMIT)
    assert queue.status(task_id) is TaskStatus.DEAD


# -- an executor


class Inline(Executor):
    """Calls the function on the spot."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


def test_an_executor_of_ones_own() -> None:
    """The smallest Executor there is works, though it calls back before submit() returns."""
    with TaskQueue() as queue, ExecutorPool(Inline(), slots=1) as pool:
        pool.start_processing(queue)
        ids = queue.submit_many([Add(n, n) for n in range(10)])
    assert [queue.wait_for_result(task_id, 0) for task_id in ids] == [2 * n for n in range(10)]


# -- a subscriber


def test_a_reader_of_the_log() -> None:
    """Whoever asks facts_since() by cursor sees each fact once, in order, while tasks run."""
    queue = TaskQueue()
    seen: list[RawFact] = []
    with queue, WorkerPool(2) as pool:
        pool.start_processing(queue)
        cursor = 0
        for _ in range(20):
            queue.submit_many([Add(1, 2)] * 10)
            new, cursor = queue.registry.facts_since(cursor)
            seen += new
        queue.join(LIMIT)
        new, cursor = queue.registry.facts_since(cursor)
        seen += new
    assert len(seen) == cursor == 600
    assert [fact[2] for fact in seen] == sorted(fact[2] for fact in seen)
    registry: Registry = queue.registry
    assert registry.totals()[facts.SUCCEEDED] == 200
