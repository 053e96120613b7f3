"""What a pool holds: it claims tasks, and settles them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from core_tasks import LIMIT, Do, Fail, run_one, serve

from taskqueue_edu import facts
from taskqueue_edu.catalogue import catalogue, task_type
from taskqueue_edu.errors import (
    QueueClosed,
    QueueFull,
    TaskCancelled,
    TaskDead,
    TaskFailed,
    WorkerCrash,
)
from taskqueue_edu.executor import run_task
from taskqueue_edu.facts import Failure, RawFact
from taskqueue_edu.pending import PendingQueue
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.storage import MemoryStore
from taskqueue_edu.task import RunningTask, TaskStatus

InTime = Callable[[Callable[[], object]], None]


class Watched(PendingQueue[str]):
    """Says when somebody waits for an item."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = threading.Semaphore(0)
        self.came_back = threading.Semaphore(0)

    def get(self) -> str:
        self.waits.release()
        try:
            return super().get()
        finally:
            self.came_back.release()


class OnePool:
    """Stands in for a pool."""

    workers = 1


@pytest.fixture
def pending() -> Watched:
    return Watched()


@pytest.fixture
def queue(pending: Watched) -> Iterator[TaskQueue]:
    queue = TaskQueue(pending=pending)
    yield queue
    queue.close()


def in_thread(function: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Call a function in a thread; return the thread, and where its result or error will be."""
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


# -- claim and settle


def test_a_pool_in_three_lines(queue: TaskQueue) -> None:
    """claim() starts the next task and settle() ends it, with what the worker is called."""
    task_id = queue.submit(Do(lambda: 5))
    run = queue.dispatcher.claim("me")
    assert run is not None
    assert (run.id, run.attempt, run.worker) == (task_id, 1, "me")
    assert queue.status(task_id) is TaskStatus.RUNNING
    assert queue.dispatcher.settle(run, *run_task(run))
    assert queue.wait_for_result(task_id, 0) == 5
    assert queue.registry.get(task_id).worker == "me"


def test_a_claim_waits_for_a_task(queue: TaskQueue, pending: Watched) -> None:
    """A worker that finds nothing sleeps until something is submitted."""
    thread, result = in_thread(lambda: queue.dispatcher.claim("me"))
    assert pending.waits.acquire(timeout=LIMIT)
    task_id = queue.submit(Do())
    assert finish(thread, result).id == task_id


def test_a_claim_ends_with_the_queue(queue: TaskQueue, pending: Watched) -> None:
    """Closing the queue wakes a waiting worker, which gets None, now and from now on."""
    thread, result = in_thread(lambda: queue.dispatcher.claim("me"))
    assert pending.waits.acquire(timeout=LIMIT)
    queue.close()
    assert finish(thread, result) is None
    assert queue.dispatcher.claim("me") is None


def test_a_nudge_makes_a_worker_look_around(queue: TaskQueue, pending: Watched) -> None:
    """A waiting worker asks leave() again after a nudge, and stays if it may."""
    asked = threading.Semaphore(0)
    leaving = False

    def leave() -> bool:
        asked.release()
        return leaving

    thread, result = in_thread(lambda: queue.dispatcher.claim("me", leave))
    assert asked.acquire(timeout=LIMIT)
    queue.dispatcher.nudge()
    assert asked.acquire(timeout=LIMIT)
    leaving = True
    queue.dispatcher.nudge()
    assert finish(thread, result) is None


def test_leave_is_asked_before_each_wait(queue: TaskQueue) -> None:
    """A worker that is to leave takes no task that waits."""
    task_id = queue.submit(Do())
    assert queue.dispatcher.claim("me", lambda: True) is None
    assert queue.status(task_id) is TaskStatus.PENDING
    run_one(queue)
    assert queue.status(task_id) is TaskStatus.SUCCEEDED


def test_outcomes_of_a_lost_run_are_dropped(queue: TaskQueue) -> None:
    """A task that was taken from a run is not ended by it, whatever the run says."""
    task_id = queue.submit(Do())
    desk = queue.dispatcher
    old = desk.claim("old")
    assert old is not None
    assert desk.settle(old, facts.RELEASED, "stopped")
    new = desk.claim("new")
    assert new is not None
    failure = Failure.of(ValueError())
    for kind, detail in (
        ("succeeded", 1),
        ("failed", failure),
        ("released", "x"),
        ("cancelled", ""),
    ):
        assert not desk.settle(old, kind, detail)
    assert not desk.lose(old, "crash")
    assert queue.status(task_id) is TaskStatus.RUNNING
    assert desk.settle(new, "succeeded", 2)
    assert queue.wait_for_result(task_id, 0) == 2


@pytest.mark.parametrize("kind", ["Succeeded", "started", "done", ("succeeded", 1), None])
def test_an_outcome_that_is_none_is_refused(queue: TaskQueue, kind: Any) -> None:
    """Settling with a kind that ends no run says so, and the run can still be settled."""
    task_id = queue.submit(Do())
    run = queue.dispatcher.claim("me")
    assert run is not None
    with pytest.raises(ValueError, match=r"a run can.t end in .*one of: succeeded, failed"):
        queue.dispatcher.settle(run, kind, 1)
    assert queue.status(task_id) is TaskStatus.RUNNING
    assert queue.dispatcher.settle(run, "succeeded", 1)


@pytest.mark.parametrize("detail", ["boom", ValueError("boom"), None])
def test_a_failure_that_is_none_is_refused(queue: TaskQueue, detail: Any) -> None:
    """A failed run is settled with a Failure; anything else is refused, and says what it was."""
    task_id = queue.submit(Do())
    run = queue.dispatcher.claim("me")
    assert run is not None
    with pytest.raises(TypeError, match=f"a Failure, .* not with {type(detail).__name__}: "):
        queue.dispatcher.settle(run, "failed", detail)
    assert queue.status(task_id) is TaskStatus.RUNNING
    assert queue.dispatcher.settle(run, "failed", Failure.of(ValueError("boom")))
    assert queue.status(task_id) is TaskStatus.FAILED


def test_a_run_of_a_forgotten_task_is_dropped() -> None:
    """Settling or losing a run whose task is not kept any more is no error."""
    queue = TaskQueue(retain=0)
    queue.submit(Do())
    run = queue.dispatcher.claim("me")
    assert run is not None
    assert queue.dispatcher.settle(run, "succeeded", 1)
    assert not queue.dispatcher.settle(run, "succeeded", 1)
    assert not queue.dispatcher.lose(run, "crash")
    queue.close()


# -- retries, recoveries


def test_a_retry_waits_outside_the_workers() -> None:
    """A failed task goes back in line with a due time, and fails for good after its attempts."""
    queue = TaskQueue(retry=RetryPolicy(attempts=2, delay=30.0, jitter=0.0))
    task_id = queue.submit(Fail("no"))
    record = queue.registry.get(task_id)
    before = time.time()
    run_one(queue)
    assert record.status is TaskStatus.PENDING
    assert record.due == pytest.approx(before + 30, abs=5)
    queue.dispatcher.pending.put(task_id)  # it is due at once
    run_one(queue)
    assert (record.status, record.attempt) == (TaskStatus.FAILED, 2)
    queue.close()


def test_what_the_policy_does_not_name_is_final(queue: TaskQueue) -> None:
    """The policy of the submission outranks that of the type and of the queue."""
    policy = RetryPolicy(attempts=5, on=(ConnectionError,), delay=0.0)
    task_id = queue.submit(Fail("no"), retry=policy)
    run_one(queue)
    assert queue.status(task_id) is TaskStatus.FAILED


def test_a_lost_task_comes_back_up_to_a_limit() -> None:
    """A task whose worker dies is given back max_recoveries times, and then it is dead."""
    queue = TaskQueue(max_recoveries=2)
    task_id = queue.submit(Do())
    for _ in range(3):
        assert queue.status(task_id) is TaskStatus.PENDING
        run = queue.dispatcher.claim("me")
        assert run is not None
        assert queue.dispatcher.lose(run, "the lights went out")
    with pytest.raises(TaskDead, match=r"lights went out.*given back 2 times"):
        queue.wait_for_result(task_id, 0)
    queue.close()


def test_releases_are_not_counted() -> None:
    """A task may be given back gracefully as often as it takes."""
    queue = TaskQueue(max_recoveries=0)
    task_id = queue.submit(Do(lambda: "ok"))
    for _ in range(5):
        run = queue.dispatcher.claim("me")
        assert run is not None
        assert run.attempt == 1
        assert queue.dispatcher.settle(run, facts.RELEASED, "stopped")
    run_one(queue)
    assert queue.wait_for_result(task_id, 0) == "ok"
    queue.close()


@pytest.mark.parametrize("kind", [facts.RETRIED, facts.RECOVERED])
def test_a_task_that_comes_back_as_it_is_cancelled(queue: TaskQueue, kind: str) -> None:
    """A cancel that finds the task running, and then pending again, cancels it."""
    task_id = queue.submit(Do())
    run = queue.dispatcher.claim("me")
    assert run is not None
    original = queue.registry.run_of

    def run_of(task_id: str) -> RunningTask | None:
        queue.registry.run_of = original  # type: ignore[method-assign]
        detail = (Failure.of(ValueError()), time.time()) if kind == facts.RETRIED else "crash"
        assert queue.dispatcher.settle(run, kind, detail)
        return original(task_id)

    queue.registry.run_of = run_of  # type: ignore[method-assign]
    assert queue.cancel(task_id, "not wanted")
    assert queue.status(task_id) is TaskStatus.CANCELLED


@pytest.mark.parametrize("how", ["lose", "release", "stubborn"])
def test_a_cancelled_task_does_not_come_back(queue: TaskQueue, how: str) -> None:
    """A task that a client asked to cancel is cancelled when its worker dies or gives it back."""
    task_id = queue.submit(Do())
    run = queue.dispatcher.claim("me")
    assert run is not None
    if how == "stubborn":
        run.request_release("its worker stops")
    assert not queue.cancel(task_id, "not wanted")
    if how == "lose":
        assert queue.dispatcher.lose(run, "crash")
    else:
        assert queue.dispatcher.settle(run, facts.RELEASED, "stopped")
    with pytest.raises(TaskCancelled, match="not wanted"):
        queue.wait_for_result(task_id, 0)


def test_a_cancelled_task_that_fails_is_not_retried() -> None:
    """A request to cancel rules out another try; the failure is what the waiter sees."""
    queue = TaskQueue(retry=RetryPolicy(attempts=5, delay=0.0))
    task_id = queue.submit(Fail("no"))
    run = queue.dispatcher.claim("me")
    assert run is not None
    queue.cancel(task_id)
    assert queue.dispatcher.settle(run, *run_task(run))
    with pytest.raises(TaskFailed):
        queue.wait_for_result(task_id, 0)
    queue.close()


@pytest.mark.parametrize("request_to_stop", ["release", "crash"])
def test_other_requests_leave_the_retries_alone(request_to_stop: str) -> None:
    """A task that fails while its worker stops, or is to crash, has its retries all the same."""
    queue = TaskQueue(retry=RetryPolicy(attempts=2, delay=0.0))
    task_id = queue.submit(Fail("no"))
    run = queue.dispatcher.claim("me")
    assert run is not None
    if request_to_stop == "release":
        run.request_release("its worker stops")
    else:
        run.request(WorkerCrash())
    assert queue.dispatcher.settle(run, *run_task(run))
    assert queue.status(task_id) is TaskStatus.PENDING
    queue.close()


# -- places


def waiting(queue: TaskQueue) -> int:
    return queue.registry._ledger.waiting()


def test_places_are_counted() -> None:
    """Pending tasks take places; starting or cancelling frees one, coming back takes one."""
    queue = TaskQueue(maxsize=3)
    ids = [queue.submit(Do()) for _ in range(3)]
    with pytest.raises(QueueFull):
        queue.submit(Do(), timeout=0)
    run = queue.dispatcher.claim("me")
    assert run is not None
    assert waiting(queue) == 2
    queue.submit(Do(), timeout=0)
    assert queue.dispatcher.lose(run, "crash")
    assert waiting(queue) == 4
    assert queue.cancel(ids[1])
    assert not queue.cancel(ids[1])
    assert waiting(queue) == 3
    assert queue.cancel_pending() == 3
    assert waiting(queue) == 0
    queue.close()


class Breaking(MemoryStore):
    """Takes no fact while `error` is set."""

    error: BaseException | None = None

    def append(self, fact: RawFact) -> int:
        if self.error is not None:
            raise self.error
        return super().append(fact)


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt(), OverflowError()])
def test_a_submit_that_breaks_gives_its_place_back(error: BaseException) -> None:
    """Whatever recording a submission raises, the place that was taken for it is free again."""
    store = Breaking()
    queue = TaskQueue(store=store, maxsize=1)
    store.error = error
    with pytest.raises(type(error)):
        queue.submit(Do(), timeout=0)
    store.error = None
    assert waiting(queue) == 0
    assert queue.registry.records() == []
    queue.submit(Do(), timeout=0)
    queue.close()


class Crowd:
    """Submits to a full queue in threads of their own, one after the other."""

    def __init__(self, queue: TaskQueue) -> None:
        self.queue = queue
        self.arrived = threading.Semaphore(0)
        self.interrupt: set[int | None] = set()
        """Threads in whose wait Ctrl-C comes, just as they are woken."""
        self._wait = queue.registry._places.wait
        queue.registry._places.wait = self.wait  # type: ignore[method-assign]

    def wait(self, timeout: float | None = None) -> bool:
        self.arrived.release()
        woken = self._wait(timeout)
        if threading.get_ident() in self.interrupt:
            raise KeyboardInterrupt
        return woken

    def submit(self) -> tuple[threading.Thread, list[Any]]:
        """Start a submission; return once it waits for a place."""
        caller = in_thread(lambda: self.queue.submit(Do()))
        assert self.arrived.acquire(timeout=LIMIT)
        return caller


def test_ctrl_c_passes_the_place_on() -> None:
    """If Ctrl-C meets a submit just as a place became free for it, the next one gets the place."""
    queue = TaskQueue(maxsize=1)
    first = queue.submit(Do())
    crowd = Crowd(queue)
    interrupted, next_one = crowd.submit(), crowd.submit()
    crowd.interrupt.add(interrupted[0].ident)
    assert queue.cancel(first)
    assert isinstance(finish(*interrupted), KeyboardInterrupt)
    assert queue.status(finish(*next_one)) is TaskStatus.PENDING
    assert waiting(queue) == 1
    assert len(queue.registry.records()) == 2
    queue.close()


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt()])
def test_a_submit_that_breaks_passes_the_place_on(error: BaseException) -> None:
    """If recording fails after a wait for a place, the next one that waits gets the place."""

    class Once(Breaking):
        def append(self, fact: RawFact) -> int:
            if fact[0] == facts.SUBMITTED:
                try:
                    return super().append(fact)
                finally:
                    self.error = None
            return 0

    store = Once()
    queue = TaskQueue(store=store, maxsize=1)
    first = queue.submit(Do())
    crowd = Crowd(queue)
    callers = [crowd.submit(), crowd.submit()]
    store.error = error
    assert queue.cancel(first)
    results = [finish(*caller) for caller in callers]
    assert results[0] is error
    assert queue.status(results[1]) is TaskStatus.PENDING
    queue.close()


def test_every_place_is_taken() -> None:
    """As many submits go on as places become free, and no more."""
    queue = TaskQueue(maxsize=2)
    queue.submit_many([Do(), Do()])
    crowd = Crowd(queue)
    callers = [crowd.submit() for _ in range(3)]
    assert queue.cancel_pending() == 2
    ends = [finish(*caller) for caller in callers[:2]]
    assert [queue.status(task_id) for task_id in ends] == [TaskStatus.PENDING] * 2
    assert callers[2][0].is_alive()
    assert waiting(queue) == 2
    queue.close()
    assert isinstance(finish(*callers[2]), QueueClosed)


def test_ctrl_c_after_recording_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A submit that is interrupted once its task is recorded leaves the task in line."""
    queue = TaskQueue()
    original = queue.registry.enter

    def enter(*args: Any, **options: Any) -> None:
        original(*args, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(queue.registry, "enter", enter)
        with pytest.raises(KeyboardInterrupt):
            queue.submit(Do(lambda: 1))
    run_one(queue)
    assert queue.registry.counts()[TaskStatus.SUCCEEDED] == 1
    queue.close()


def test_a_queue_that_refuses_an_item_leaves_no_ghost() -> None:
    """If a pending queue of one's own raises in put(), the task ends, and the error is raised."""

    class Picky(PendingQueue[str]):
        def put(self, item: str, priority: int = 0, due: float | None = None) -> None:
            if priority == 13:
                raise TypeError("no luck")
            super().put(item, priority, due)

    queue = TaskQueue(pending=Picky(), maxsize=1)
    with pytest.raises(TypeError, match="no luck"):
        queue.submit(Do(), priority=13)
    assert queue.registry.counts()[TaskStatus.PENDING] == 0
    assert waiting(queue) == 0
    queue.join(0)
    queue.close()


# -- pause


def test_nothing_starts_after_pause_returns(queue: TaskQueue, pending: Watched) -> None:
    """A worker that has taken a task just as the queue is paused does not start it."""
    taken, go_on = threading.Event(), threading.Event()
    original = queue.registry.get

    def get(task_id: str) -> Any:
        record = original(task_id)
        taken.set()
        assert go_on.wait(LIMIT)
        return record

    queue.registry.get = get  # type: ignore[method-assign]
    thread, result = in_thread(lambda: queue.dispatcher.claim("me"))
    task_id = queue.submit(Do())
    assert taken.wait(LIMIT)
    queue.registry.get = original  # type: ignore[method-assign]
    queue.pause()
    go_on.set()
    assert queue.status(task_id) is TaskStatus.PENDING
    queue.resume()
    assert finish(thread, result).id == task_id


def test_a_start_that_meets_the_pause_is_refused(
    queue: TaskQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the worker's last look and the record of the start, pause() still wins."""
    task_id = queue.submit(Do())
    original = queue.registry.start
    refused: list[TaskStatus] = []

    def start(record: TaskRecord, worker: str) -> RunningTask | None:
        if refused:
            return original(record, worker)
        queue.pause()
        run = original(record, worker)
        refused.append(queue.status(task_id))
        queue.resume()
        return run

    monkeypatch.setattr(queue.registry, "start", start)
    run = queue.dispatcher.claim("me")
    assert run is not None
    assert (refused, run.id) == ([TaskStatus.PENDING], task_id)
    assert queue.registry.totals()["started"] == 1


def test_a_held_task_comes_first_on_resume(queue: TaskQueue, pending: Watched) -> None:
    """A task that a worker holds while the queue is paused keeps its turn."""
    thread, result = in_thread(lambda: queue.dispatcher.claim("me"))
    assert pending.waits.acquire(timeout=LIMIT)
    queue.pause()
    first = queue.submit(Do())
    queue.submit(Do())
    assert queue.status(first) is TaskStatus.PENDING
    queue.resume()
    assert finish(thread, result).id == first


def test_a_pause_calls_waiting_workers_back(queue: TaskQueue, pending: Watched) -> None:
    """Workers that wait in line when the queue is paused take the most urgent task on resume."""
    claims = [in_thread(lambda: queue.dispatcher.claim("me")) for _ in range(2)]
    for _ in claims:
        assert pending.waits.acquire(timeout=LIMIT)
    queue.pause()
    for _ in claims:
        assert pending.came_back.acquire(timeout=LIMIT)
    low = [queue.submit(Do()) for _ in range(2)]
    high = [queue.submit(Do(), priority=1) for _ in range(2)]
    queue.resume()
    assert sorted(finish(*claim).id for claim in claims) == sorted(high)
    assert {queue.status(task_id) for task_id in low} == {TaskStatus.PENDING}


def test_a_held_task_can_be_cancelled(queue: TaskQueue, pending: Watched) -> None:
    """Cancelling a task that a worker holds at the gate makes the worker take the next one."""
    thread, result = in_thread(lambda: queue.dispatcher.claim("me"))
    assert pending.waits.acquire(timeout=LIMIT)
    queue.pause()
    first = queue.submit(Do())
    second = queue.submit(Do())
    assert queue.cancel(first)
    queue.resume()
    assert finish(thread, result).id == second
    assert waiting(queue) == 0


@pytest.mark.parametrize("holds", [False, True])
def test_a_worker_at_the_gate_can_leave(queue: TaskQueue, pending: Watched, holds: bool) -> None:
    """While the queue is paused, a nudge reaches the workers; what one holds goes back in line."""
    leaving = False
    asked = threading.Semaphore(0)

    def leave() -> bool:
        asked.release()
        return leaving

    if not holds:
        queue.pause()
    thread, result = in_thread(lambda: queue.dispatcher.claim("me", leave))
    if holds:
        assert pending.waits.acquire(timeout=LIMIT)
        queue.pause()
    task_id = queue.submit(Do())
    assert asked.acquire(timeout=LIMIT)
    leaving = True
    queue.dispatcher.nudge()
    assert finish(thread, result) is None
    queue.resume()
    run_one(queue)
    assert queue.status(task_id) is TaskStatus.SUCCEEDED


def test_closing_wakes_the_gate(queue: TaskQueue) -> None:
    """A worker that waits for the queue to resume ends when it is closed instead."""
    queue.pause()
    at_gate = threading.Event()

    def leave() -> bool:
        at_gate.set()
        return False

    thread, result = in_thread(lambda: queue.dispatcher.claim("me", leave))
    assert at_gate.wait(LIMIT)
    queue.close()
    assert finish(thread, result) is None


# -- faults in the loop itself


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("error", [MemoryError, WorkerCrash, SystemExit])
def test_a_start_that_breaks_drops_no_task(
    queue: TaskQueue,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
    applied: bool,
) -> None:
    """If recording a start raises, before or after it took effect, the task goes back in line."""
    task_id = queue.submit(Do(lambda: "ran"))
    original = queue.registry.start

    def start(record: TaskRecord, worker: str) -> RunningTask | None:
        if applied:
            assert original(record, worker) is not None
        raise error("in the loop")

    with monkeypatch.context() as patch:
        patch.setattr(queue.registry, "start", start)
        with pytest.raises(error):
            queue.dispatcher.claim("me")
    assert queue.status(task_id) is TaskStatus.PENDING
    assert waiting(queue) == 1
    run_one(queue)
    assert queue.wait_for_result(task_id, 0) == "ran"
    assert waiting(queue) == 0


def test_a_leave_that_raises_drops_no_task(queue: TaskQueue, pending: Watched) -> None:
    """A crash of a worker that holds a task puts the task back in line."""
    answers = [False, WorkerCrash("now")]

    def leave() -> bool:
        answer = answers.pop(0) if answers else False
        if isinstance(answer, BaseException):
            raise answer
        return answer

    task_id = queue.submit(Do())
    queue.registry.hold(True)  # as a pause does, in the moment between
    with pytest.raises(WorkerCrash):
        queue.dispatcher.claim("me", leave)
    queue.registry.hold(False)
    run_one(queue)
    assert queue.status(task_id) is TaskStatus.SUCCEEDED


@task_type("dispatch-moody")
@dataclass(frozen=True)
class Moody:
    """Raises when it is built, if it is told to."""

    name: str

    def __post_init__(self) -> None:
        if self.name in MOODS:
            raise MOODS[self.name]

    def execute(self) -> str:
        return self.name


MOODS: dict[str, BaseException] = {}


def test_a_task_that_cannot_be_built_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stored task whose class raises when it is built again fails; the worker goes on."""
    with TaskQueue.open(tmp_path / "jobs") as queue:
        bad = queue.submit(Moody("bad"))
        good = queue.submit(Moody("good"))
    monkeypatch.setitem(MOODS, "bad", RuntimeError("changed its mind"))
    with TaskQueue.open(tmp_path / "jobs") as queue:
        worker = serve(queue)
        assert queue.wait_for_result(good, LIMIT) == "good"
        with pytest.raises(TaskFailed, match="changed its mind"):
            queue.wait_for_result(bad, LIMIT)
    worker.join(LIMIT)


def test_a_build_that_exits_is_a_fault_of_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If building a stored task raises SystemExit, the worker ends and the task is given back."""
    with TaskQueue.open(tmp_path / "jobs") as queue:
        task_id = queue.submit(Moody("bad"))
    monkeypatch.setitem(MOODS, "bad", SystemExit("from __post_init__"))
    with TaskQueue.open(tmp_path / "jobs") as queue:
        with pytest.raises(SystemExit):
            queue.dispatcher.claim("me")
        assert queue.registry.get(task_id).recoveries == 1
        monkeypatch.delitem(MOODS, "bad")
        run_one(queue)
        assert queue.wait_for_result(task_id, 0) == "bad"


@task_type("dispatch-loud")
@dataclass(frozen=True)
class Loud:
    """Fails with an exception that asks its queue something when it is printed."""

    def execute(self) -> None:
        raise Asking


class Asking(Exception):
    queue: TaskQueue | None = None

    def __str__(self) -> str:
        return f"with {len(self.queue.registry.records())} tasks" if self.queue else "alone"


def test_an_exception_is_not_printed_under_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_time: InTime
) -> None:
    """The journal's copy of a failure is made before the registry is locked."""
    with TaskQueue.open(tmp_path / "jobs") as queue:
        monkeypatch.setattr(Asking, "queue", queue)
        task_id = queue.submit(Loud())
        in_time(lambda: run_one(queue))
        with pytest.raises(TaskFailed, match="with 1 tasks"):
            queue.wait_for_result(task_id, 0)


@task_type("dispatch-proud")
@dataclass(frozen=True)
class Proud:
    """Returns a value whose comparison exits."""

    def execute(self) -> Pride:
        return Pride(1)


@dataclass
class Pride:
    level: int

    def __eq__(self, other: object) -> bool:
        raise SystemExit("beyond compare")

    __hash__ = None  # type: ignore[assignment]


def test_a_result_that_exits_when_compared_is_a_failure(tmp_path: Path) -> None:
    """The round trip of a result runs its own __eq__; whatever that raises, the task failed."""
    catalogue.get("dispatch-proud").result_decoder = __import__("msgspec").json.Decoder(Pride)
    with TaskQueue.open(tmp_path / "jobs") as queue:
        task_id = queue.submit(Proud())
        run_one(queue)
        with pytest.raises(TaskFailed, match="beyond compare"):
            queue.wait_for_result(task_id, 0)


# -- pools


def test_one_pool_at_a_time(queue: TaskQueue) -> None:
    """A second pool is refused while the first is attached; the same one may attach again."""
    first, second = OnePool(), OnePool()
    queue.dispatcher.attach(first)
    queue.dispatcher.attach(first)
    with pytest.raises(RuntimeError, match="another pool"):
        queue.dispatcher.attach(second)
    queue.dispatcher.detach(second)
    assert queue.dispatcher.pool is first
    queue.dispatcher.detach(first)
    queue.dispatcher.attach(second)
    assert queue.dispatcher.pool is second


def test_a_closed_queue_takes_no_pool(queue: TaskQueue) -> None:
    """attach() raises QueueClosed after close()."""
    queue.close()
    with pytest.raises(QueueClosed):
        queue.dispatcher.attach(OnePool())


def test_drained_means_that_nothing_can_run(queue: TaskQueue) -> None:
    """Pending tasks count only while a pool is there and the queue is not paused."""
    queue.submit(Do())
    calls: list[str] = []
    assert not queue.dispatcher.when_drained(lambda: calls.append("no pool"))
    pool = OnePool()
    queue.dispatcher.attach(pool)
    assert queue.dispatcher.when_drained(lambda: calls.append("paused"))
    assert calls == []
    queue.pause()
    assert calls == ["paused"]
    queue.resume()
    assert queue.dispatcher.when_drained(lambda: calls.append("detached"))
    queue.dispatcher.detach(pool)
    assert calls == ["paused", "detached"]


def test_a_dispatcher_closes_once(queue: TaskQueue) -> None:
    """close() says whether it was the first."""
    assert queue.dispatcher.close()
    assert not queue.dispatcher.close()
    assert queue.dispatcher.closed
