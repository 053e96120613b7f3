"""Every submitted task ends exactly once: a model checked step by step, and threads at random."""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from core_tasks import LIMIT
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from taskqueue_edu import facts
from taskqueue_edu.catalogue import task_type
from taskqueue_edu.errors import (
    IllegalTransition,
    QueueClosed,
    QueueFull,
    TaskCancelled,
    TaskDead,
    TaskFailed,
    TaskQueueError,
    WorkerCrash,
)
from taskqueue_edu.executor_pool import ExecutorPool
from taskqueue_edu.facts import Failure
from taskqueue_edu.pending import PendingQueue
from taskqueue_edu.pool import WorkerPool
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.state import next_status
from taskqueue_edu.task import RunningTask, TaskStatus, current_task

PENDING, RUNNING = TaskStatus.PENDING, TaskStatus.RUNNING
FINISHED = tuple(status for status in TaskStatus if status.finished)
REVIVABLE = (TaskStatus.FAILED, TaskStatus.DEAD)
ENDED_WELL = (TaskStatus.SUCCEEDED, TaskStatus.CANCELLED)
ENDS = ("succeeded", "failed", "cancelled", "died")
LATE: dict[str, Any] = {"succeeded": 1, "failed": Failure.of(ValueError()), "released": "late"}


@task_type("stress-echo")
@dataclass(frozen=True)
class Echo:
    number: int

    def execute(self) -> int:
        return self.number


# -- a model, step by step


@dataclass
class Model:
    """What a task should be like, by the rules as a reader of the documentation knows them."""

    priority: int
    delay: int
    attempts: int
    age: tuple[int, bool, int]
    status: TaskStatus = PENDING
    attempt: int = 0
    recoveries: int = 0
    unwanted: bool = False
    run: RunningTask | None = None
    futures: list[tuple[Future[Any], list[int]]] = field(default_factory=list)
    past: list[tuple[Future[Any], list[int]]] = field(default_factory=list)


class QueueMachine(RuleBasedStateMachine):
    """A queue whose tasks are claimed and settled by hand, next to a dict of what is right."""

    persistent: ClassVar[bool] = False
    MAX_RECOVERIES = 1
    MAXSIZE = 4

    @initialize()
    def begin(self) -> None:
        self.model: dict[str, Model] = {}
        self.over: list[RunningTask] = []  # runs that have reported, or whose task was taken
        self.ages = 0
        self.offset = 0  # what has been added to the clock
        self.paused = False
        self.closed = False
        self.folder = tempfile.TemporaryDirectory()
        self.queue = self.open()

    def open(self) -> TaskQueue:
        options: dict[str, Any] = {
            "pending": PendingQueue(clock=lambda: time.time() + self.offset),
            "maxsize": self.MAXSIZE,
            "max_recoveries": self.MAX_RECOVERIES,
        }
        if self.persistent:
            return TaskQueue.open(Path(self.folder.name) / "jobs", **options)
        return TaskQueue(**options)

    def teardown(self) -> None:
        if hasattr(self, "queue"):
            self.queue.close()
            self.folder.cleanup()

    # what the model says

    def those(self, *statuses: TaskStatus) -> list[str]:
        return [task_id for task_id, model in self.model.items() if model.status in statuses]

    def pick(self, number: int, *statuses: TaskStatus) -> tuple[str, Model]:
        task_id = self.those(*statuses)[number % len(self.those(*statuses))]
        return task_id, self.model[task_id]

    def age(self, delay: int) -> tuple[int, bool, int]:
        """What is due joins the end of its line, before whatever is put in line after that."""
        self.ages += 1
        return max(delay, self.offset), delay <= self.offset, self.ages

    def next_id(self) -> str | None:
        """Which task comes next: the highest priority, then who was first due."""
        due = {
            task_id: (-self.model[task_id].priority, self.model[task_id].age)
            for task_id in self.those(PENDING)
            if self.model[task_id].delay <= self.offset
        }
        return min(due, key=due.__getitem__) if due else None

    def back(self, model: Model) -> None:
        """A task that ran comes back: a closed memory queue cancels it."""
        if self.closed:
            self.end(model, TaskStatus.CANCELLED)
        else:
            model.status, model.run, model.age, model.delay = PENDING, None, self.age(0), 0

    def end(self, model: Model, status: TaskStatus) -> None:
        model.status, model.run = status, None

    def watch(self, task_id: str) -> None:
        """Get the task's future, and count the calls of its callback."""
        future, calls = self.queue.future(task_id), [0]

        def called(_: object) -> None:
            calls[0] += 1

        future.add_done_callback(called)
        self.model[task_id].futures.append((future, calls))

    # what clients do

    @precondition(lambda self: not self.closed)
    @rule(
        priority=st.integers(-1, 1),
        delay=st.sampled_from([0, 0, 0, 1000]),
        attempts=st.integers(1, 3),
        watched=st.booleans(),
    )
    def submit(self, priority: int, delay: int, attempts: int, watched: bool) -> None:
        policy = RetryPolicy(attempts, delay=0.0)
        task = Echo(len(self.model))
        if len(self.those(PENDING)) >= self.MAXSIZE:
            with pytest.raises(QueueFull):
                self.queue.submit(task, timeout=0)
            return
        task_id = self.queue.submit(task, priority=priority, delay=delay, retry=policy, timeout=0)
        self.model[task_id] = Model(priority, delay, attempts, self.age(delay))
        if watched:
            self.watch(task_id)

    @precondition(lambda self: not self.closed and self.those(PENDING))
    @rule(number=st.integers(0, 99))
    def cancel_pending_task(self, number: int) -> None:
        task_id, model = self.pick(number, PENDING)
        assert self.queue.cancel(task_id)
        self.end(model, TaskStatus.CANCELLED)

    @precondition(lambda self: not self.closed and self.those(RUNNING))
    @rule(number=st.integers(0, 99))
    def cancel_running_task(self, number: int) -> None:
        task_id, model = self.pick(number, RUNNING)
        assert not self.queue.cancel(task_id)
        model.unwanted = True

    @precondition(lambda self: not self.closed and self.those(*FINISHED))
    @rule(number=st.integers(0, 99))
    def cancel_finished_task(self, number: int) -> None:
        task_id, _ = self.pick(number, *FINISHED)
        assert not self.queue.cancel(task_id)

    @precondition(lambda self: not self.closed and self.those(*REVIVABLE))
    @rule(number=st.integers(0, 99), watched=st.booleans())
    def revive(self, number: int, watched: bool) -> None:
        task_id, model = self.pick(number, *REVIVABLE)
        self.queue.revive(task_id)
        self.back(model)
        model.attempt = model.recoveries = 0
        model.unwanted = False
        model.past += model.futures  # they have their outcome
        model.futures = []
        if watched:
            self.watch(task_id)

    @precondition(lambda self: not self.closed and self.those(PENDING, RUNNING, *ENDED_WELL))
    @rule(number=st.integers(0, 99))
    def revive_in_vain(self, number: int) -> None:
        task_id, _ = self.pick(number, PENDING, RUNNING, *ENDED_WELL)
        with pytest.raises(IllegalTransition):
            self.queue.revive(task_id)

    @precondition(lambda self: not self.closed and len(self.those(PENDING)) > 2)
    @rule()
    def cancel_all_pending(self) -> None:
        assert self.queue.cancel_pending() == len(self.those(PENDING))
        for task_id in self.those(PENDING):
            self.end(self.model[task_id], TaskStatus.CANCELLED)

    @rule()
    def advance_the_clock(self) -> None:
        self.offset += 600

    @rule()
    def pause_or_resume(self) -> None:
        self.paused = not self.paused
        if self.paused:
            self.queue.pause()
        else:
            self.queue.resume()

    # what workers do

    @precondition(lambda self: not (self.closed or self.paused) and self.next_id())
    @rule()
    def start(self) -> None:
        expected = self.next_id()
        assert expected is not None
        run = self.queue.dispatcher.claim("hand")
        assert run is not None
        assert run.id == expected
        model = self.model[expected]
        model.status, model.run = RUNNING, run
        model.attempt += 1
        assert run.attempt == model.attempt
        assert run.task == Echo(list(self.model).index(expected))

    def report(self, number: int) -> tuple[RunningTask, Model]:
        _, model = self.pick(number, RUNNING)
        assert model.run is not None
        self.over.append(model.run)
        return model.run, model

    @precondition(lambda self: self.those(RUNNING))
    @rule(number=st.integers(0, 99))
    def succeed(self, number: int) -> None:
        run, model = self.report(number)
        assert self.queue.dispatcher.settle(run, facts.SUCCEEDED, run.attempt)
        self.end(model, TaskStatus.SUCCEEDED)

    @precondition(lambda self: self.those(RUNNING))
    @rule(number=st.integers(0, 99))
    def fail(self, number: int) -> None:
        run, model = self.report(number)
        assert self.queue.dispatcher.settle(run, facts.FAILED, Failure.of(ValueError("x")))
        if model.attempt < model.attempts and not model.unwanted:
            self.back(model)
        else:
            self.end(model, TaskStatus.FAILED)

    @precondition(lambda self: self.those(RUNNING))
    @rule(number=st.integers(0, 99))
    def release(self, number: int) -> None:
        run, model = self.report(number)
        assert self.queue.dispatcher.settle(run, facts.RELEASED, "stopped")
        if model.unwanted:
            self.end(model, TaskStatus.CANCELLED)
        else:
            model.attempt -= 1
            self.back(model)

    @precondition(lambda self: self.those(RUNNING))
    @rule(number=st.integers(0, 99))
    def lose(self, number: int) -> None:
        run, model = self.report(number)
        assert self.queue.dispatcher.lose(run, "crash")
        if model.unwanted:
            self.end(model, TaskStatus.CANCELLED)
        elif model.recoveries >= self.MAX_RECOVERIES:
            self.end(model, TaskStatus.DEAD)
        else:
            model.recoveries += 1
            self.back(model)

    @precondition(lambda self: self.over)
    @rule(number=st.integers(0, 99), how=st.sampled_from([*LATE, "lose"]))
    def report_late(self, number: int, how: str) -> None:
        """A run that is over reports once more: nothing comes of it."""
        run, desk = self.over[number % len(self.over)], self.queue.dispatcher
        if how == "lose":
            assert not desk.lose(run, "late")
        else:
            assert not desk.settle(run, how, LATE[how])

    # the end

    @precondition(lambda self: len(self.model) > 3 and not self.closed)
    @rule()
    def close(self) -> None:
        if self.persistent:
            self.reopen()
            return
        self.queue.close()
        self.closed = True
        for task_id in self.those(PENDING):
            self.end(self.model[task_id], TaskStatus.CANCELLED)
        for task_id in self.those(RUNNING):
            self.model[task_id].unwanted = True
        with pytest.raises(QueueClosed):
            self.queue.submit(Echo(0))
        assert self.queue.dispatcher.claim("hand") is None

    def reopen(self) -> None:
        self.queue.close()
        for model in self.model.values():
            for future, calls in model.futures:
                assert future.done()
                assert calls == [1]
            model.futures = []
        for task_id in self.those(RUNNING):
            model = self.model[task_id]
            assert model.run is not None
            self.over.append(model.run)
            if model.unwanted:
                self.end(model, TaskStatus.CANCELLED)
            else:
                model.status, model.run, model.delay = PENDING, None, 0
                model.attempt -= 1
        self.queue = self.open()
        self.paused = False
        for task_id in self.those(PENDING):  # the journal keeps the order of submission only
            self.model[task_id].age = self.age(self.model[task_id].delay)

    # what always holds

    @invariant()
    def agrees_with_the_model(self) -> None:
        if not hasattr(self, "queue"):
            return
        for task_id, model in self.model.items():
            record = self.queue.registry.get(task_id)
            shown = (record.status, record.attempt, record.recoveries)
            assert shown == (model.status, model.attempt, model.recoveries), task_id
            for future, calls in model.futures:
                assert future.done() is model.status.finished
                assert calls == [int(model.status.finished)]
            for future, calls in model.past:
                assert future.done()
                assert calls == [1]
        counts = {status: n for status, n in self.queue.registry.counts().items() if n}
        assert counts == Counter(model.status for model in self.model.values())
        assert self.queue.registry._ledger.waiting() == len(self.those(PENDING))

    @invariant()
    def every_end_is_counted_once(self) -> None:
        if not hasattr(self, "queue"):
            return
        totals = self.queue.registry.totals()
        ended = len(self.those(*FINISHED))
        assert sum(totals[kind] for kind in ENDS) - totals["revived"] == ended
        assert totals["submitted"] == len(self.model)


class PersistentMachine(QueueMachine):
    """The same on a journal, closed and opened again now and then."""

    persistent = True


_often = settings(
    max_examples=200,
    stateful_step_count=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
TestMemoryModel = pytest.mark.slow(QueueMachine.TestCase)
TestMemoryModel.settings = _often
TestPersistentModel = pytest.mark.slow(PersistentMachine.TestCase)
TestPersistentModel.settings = _often


# -- threads, at random


@task_type("stress-chaos", retry=RetryPolicy(attempts=3, delay=0.001))
@dataclass(frozen=True)
class Chaos:
    """Does one of the things that tasks do, as its number says."""

    number: int

    def execute(self) -> int:
        run = current_task()
        dice = random.Random(self.number * 100 + run.attempt)
        what = dice.randrange(10)
        if what < 4:
            return self.number
        if what < 6:
            raise ConnectionError("try again")
        if what < 8:
            run.progress(1, 2)
            run.sleep(dice.random() / 500)
            run.progress(2, 2)
            return self.number
        if what == 8:
            raise SystemExit("not nice")
        raise WorkerCrash("even worse")


CLIENTS, TASKS = 3, 200


class Storm:
    """Clients, chaos and workers in threads; what happened is checked when it is over."""

    def __init__(self, queue: TaskQueue, pool: WorkerPool | ExecutorPool, seed: int) -> None:
        self.queue = queue
        self.pool = pool
        self.seed = seed
        self.ids: list[str] = []
        self.answers: Counter[str] = Counter()
        self.futures: list[Future[Any]] = []
        self.calls: Counter[int] = Counter()
        self.errors: list[BaseException] = []
        self._lock = threading.Lock()  # guards the lists and counters above
        self.over = threading.Event()

    def client(self, seed: int) -> None:
        dice = random.Random(seed)
        for number in range(TASKS):
            try:
                task_id = self.queue.submit(
                    Chaos(seed * 10_000 + number),
                    priority=dice.randrange(3),
                    delay=dice.choice([0, 0, 0, 0.002]),
                    timeout=LIMIT,
                )
            except QueueClosed:
                return
            with self._lock:
                self.ids.append(task_id)
            if dice.random() < 0.3:
                future = self.queue.future(task_id)
                future.add_done_callback(self.called)
                with self._lock:
                    self.futures.append(future)
            if dice.random() < 0.2:
                self.cancel(dice)
            if dice.random() < 0.2:
                self.wait(dice)

    def called(self, future: Future[Any]) -> None:
        with self._lock:
            self.calls[id(future)] += 1

    def some_id(self, dice: random.Random) -> str:
        with self._lock:
            return dice.choice(self.ids)

    def cancel(self, dice: random.Random) -> None:
        with suppress(QueueClosed):
            self.queue.cancel(self.some_id(dice))

    def wait(self, dice: random.Random) -> None:
        """Wait for a task, as a client does; one of the known answers must come."""
        try:
            self.queue.wait_for_result(self.some_id(dice), LIMIT)
            answer = "value"
        except (TaskFailed, TaskCancelled, TaskDead, QueueClosed) as error:
            answer = type(error).__name__
        with self._lock:
            self.answers[answer] += 1

    def chaos(self, seed: int) -> None:
        dice = random.Random(seed)
        while not self.over.wait(0.001):
            what = dice.randrange(6)
            if what == 0:
                self.pool.resize(dice.randrange(1, 6))
            elif what == 1 and isinstance(self.pool, WorkerPool):
                self.pool.crash_worker()
            elif what == 2:
                self.queue.pause()
                self.over.wait(0.001)
                self.queue.resume()
            elif what == 3 and self.ids:
                self.cancel(dice)
            elif what == 4 and self.ids:
                self.revive(dice)
            else:
                self.queue.registry.counts()

    def revive(self, dice: random.Random) -> None:
        with suppress(IllegalTransition, QueueClosed):
            self.queue.revive(self.some_id(dice))

    def guarded(self, function: Any, seed: int) -> None:
        try:
            function(seed)
        except BaseException as error:
            self.errors.append(error)

    def run(self, *, close_early: bool) -> None:
        self.pool.start_processing(self.queue)
        clients = [
            threading.Thread(target=self.guarded, args=(self.client, seed), daemon=True)
            for seed in range(self.seed, self.seed + CLIENTS)
        ]
        chaos = threading.Thread(target=self.guarded, args=(self.chaos, self.seed), daemon=True)
        for thread in (*clients, chaos):
            thread.start()
        if close_early:
            clients[0].join(0.05)
            self.queue.close()
        for thread in clients:
            thread.join(60)
            assert not thread.is_alive(), "a client is stuck"
        self.over.set()
        chaos.join(LIMIT)
        assert not chaos.is_alive(), "chaos is stuck"
        self.queue.resume()
        if not close_early:
            self.queue.join(60)
        assert self.pool.stop(LIMIT) if close_early else not self.pool.shutdown()
        assert self.errors == []

    def check(self, log: list[facts.RawFact], *, may_be_left: bool = False) -> None:
        """Hold the log against the state diagram: each task ended once, or may still run."""
        lives: dict[str, list[str]] = {}
        for fact in log:
            lives.setdefault(fact[1], []).append(fact[0])
        assert set(self.ids) <= set(lives)
        for task_id, kinds in lives.items():
            status: TaskStatus | None = None
            for kind in kinds:
                status = next_status(status, kind)  # raises if the life has no such step
            assert status is not None
            ends = sum(kind in ENDS for kind in kinds) - kinds.count("revived")
            assert ends == int(status.finished), (task_id, kinds)
            assert status.finished or may_be_left, (task_id, kinds)
            assert status is not RUNNING
        for future in self.futures:
            assert future.done()
            assert self.calls[id(future)] == 1


@pytest.fixture
def many_switches() -> Iterator[None]:
    """Let the interpreter change threads 500 times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def executor_pool() -> ExecutorPool:
    """A pool whose executor breaks with each WorkerCrash, and is made anew."""
    return ExecutorPool(lambda: ThreadPoolExecutor(2), slots=2)


@pytest.mark.slow
@pytest.mark.parametrize("close_early", [False, True])
@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("make_pool", [lambda: WorkerPool(3), executor_pool])
@pytest.mark.parametrize("seed", [10, 20])
def test_every_task_ends_once(
    tmp_path: Path,
    many_switches: None,
    make_pool: Callable[[], WorkerPool | ExecutorPool],
    persistent: bool,
    close_early: bool,
    seed: int,
) -> None:
    """Under cancels, retries, crashes, resizes, pauses and a close, nothing is lost or doubled."""
    options: dict[str, Any] = {"maxsize": 40, "max_recoveries": 2}
    queue = TaskQueue.open(tmp_path, **options) if persistent else TaskQueue(**options)
    storm = Storm(queue, make_pool(), seed)
    storm.run(close_early=close_early)
    queue.close()
    log, cursor = queue.registry.facts_since(0)
    assert len(log) == cursor
    storm.check(log, may_be_left=persistent and close_early)
    if not close_early:
        assert len(storm.ids) == CLIENTS * TASKS
        assert queue.registry._ledger.waiting() == 0
    if persistent:
        with TaskQueue.open(tmp_path) as again:
            assert again.registry.totals()["submitted"] == queue.registry.totals()["submitted"]
            for task_id in storm.ids:
                before, after = queue.status(task_id), again.status(task_id)
                assert before is after


def test_the_errors_of_the_storm_are_known() -> None:
    """Each answer that the storm accepts from a wait is an error of this package."""
    for error in (TaskFailed, TaskCancelled, TaskDead, QueueClosed):
        assert issubclass(error, TaskQueueError)
