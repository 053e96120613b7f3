"""The monitor: counts, rates, latencies and tables from the log of facts."""

from __future__ import annotations

import math
import threading
import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pytest

from taskqueue_edu import Monitor, RetryPolicy, TaskQueue, TaskStatus, WorkerPool, facts, task_type
from taskqueue_edu.executor import run_task
from taskqueue_edu.factlog import Block, FactLog
from taskqueue_edu.facts import Failure, RawFact, Submission
from taskqueue_edu.journal import read_facts
from taskqueue_edu.monitor import BIN, Point, Snapshot, duration
from taskqueue_edu.registry import Registry, fold
from taskqueue_edu.storage import MemoryStore

START = 1_700_000_000
"""When the made-up runs of these tests begin, in seconds since 1970: a border of two bins."""

HOUR = 3_600.0
SetClock: TypeAlias = Callable[[float], None]


def about(seconds: float) -> Any:
    """What a sketch makes of a duration."""
    return pytest.approx(seconds, rel=0.0101)


def ns(seconds: float) -> int:
    return (START * 10**6 + round(seconds * 10**6)) * 1_000


class Log:
    """Facts at times that a test chooses: seconds after START."""

    def __init__(self) -> None:
        self.facts: list[RawFact] = []

    def add(self, at: float, kind: str, task: str, who: str = "", detail: Any = "") -> Log:
        self.facts.append((kind, task, ns(at), who, detail))
        return self

    def submitted(self, at: float, task: str, type_: str = "math", due: float | None = None) -> Log:
        wall = None if due is None else START + due
        return self.add(at, facts.SUBMITTED, task, type_, Submission(type_, None, b"{}", due=wall))

    def started(self, at: float, task: str, worker: str = "w1", attempt: int = 1) -> Log:
        return self.add(at, facts.STARTED, task, worker, attempt)

    def succeeded(self, at: float, task: str, worker: str = "w1") -> Log:
        return self.add(at, facts.SUCCEEDED, task, worker, b"1")

    def failed(self, at: float, task: str, worker: str = "w1") -> Log:
        return self.add(at, facts.FAILED, task, worker, Failure(("ValueError",), "no", ""))

    def retried(self, at: float, task: str, due: float, worker: str = "w1") -> Log:
        failure = Failure(("ValueError", "Exception"), "not yet", "")
        return self.add(at, facts.RETRIED, task, worker, (failure, START + due))

    def monitor(self) -> Monitor:
        return Monitor(fold(self.facts))


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Set the clock to so many seconds after START."""

    def set_clock(seconds: float) -> None:
        monkeypatch.setattr(facts, "now", lambda: ns(seconds))

    return set_clock


@task_type("test.monitored")
@dataclass(frozen=True)
class Monitored:
    """A task that fails as often as it is told to."""

    fails: int = 0

    def execute(self) -> int:
        if self.fails:
            raise ValueError("told to")
        return 1


# -- latency


def latencies(monitor: Monitor) -> tuple[list[float], list[float]]:
    """Return waiting and running, in seconds, of each half second that has any."""
    points = monitor.snapshot(120).points
    return tuple(
        [value.p50 for value in values if not math.isnan(value.p50)]
        for values in ([p.waiting for p in points], [p.running for p in points])
    )  # type: ignore[return-value]


def test_waiting_and_running(at: SetClock) -> None:
    """Waiting lasts from submission to start, running from there to the end."""
    log = Log().submitted(0, "a-1").started(0.25, "a-1").succeeded(2.25, "a-1")
    at(3)
    assert latencies(log.monitor()) == ([about(0.25)], [about(2)])
    waiting, running = log.monitor().overall()
    assert waiting == (about(0.25),) * 3
    assert running == (about(2),) * 3


@pytest.mark.parametrize(("due", "waited"), [(10, 0.5), (-5, 10.5), (20, 0)])
def test_a_delay_is_no_waiting(at: SetClock, due: float, waited: float) -> None:
    """A delayed task waits from when it is due; one that starts early by rounding not at all."""
    log = Log().submitted(0, "a-1", due=due).started(10.5, "a-1").succeeded(11, "a-1")
    at(12)
    assert latencies(log.monitor())[0] == [pytest.approx(waited, rel=0.0101, abs=1e-8)]


def test_a_retried_task_waits_from_when_it_is_due_again(at: SetClock) -> None:
    """Each run of a retried task counts with its own waiting and its own running."""
    log = Log().submitted(0, "a-1").started(1, "a-1").retried(3, "a-1", due=7)
    log.started(7.25, "a-1", attempt=2).succeeded(8, "a-1")
    at(9)
    assert latencies(log.monitor()) == ([about(1), about(0.25)], [about(2), about(0.75)])


@pytest.mark.parametrize("kind", [facts.RELEASED, facts.RECOVERED])
def test_a_task_that_goes_back_waits_from_then(at: SetClock, kind: str) -> None:
    """A task whose worker left or died waits again from that moment."""
    log = Log().submitted(0, "a-1").started(1, "a-1").add(5, kind, "a-1", "w1", "why")
    log.started(9, "a-1").succeeded(10, "a-1")
    at(11)
    assert latencies(log.monitor())[0] == [about(1), about(4)]


@pytest.mark.parametrize("kind", [facts.RECOVERED, facts.DIED])
def test_a_run_whose_worker_died_has_no_length(at: SetClock, kind: str) -> None:
    """When a process died in the night, the run it left doesn't count as one of ten hours."""
    log = Log().submitted(0, "a-1").started(1, "a-1").add(10 * HOUR, kind, "a-1", "w1", "why")
    log.submitted(10 * HOUR, "a-2").started(10 * HOUR + 1, "a-2").succeeded(10 * HOUR + 3, "a-2")
    at(10 * HOUR + 4)
    assert latencies(log.monitor())[1] == [about(2)]


def test_cancelled_while_pending(at: SetClock) -> None:
    """A task that never ran adds nothing to the latencies, and no longer waits."""
    log = Log().submitted(0, "a-1").add(5, facts.CANCELLED, "a-1", "", "why")
    at(6)
    snapshot = log.monitor().snapshot(3)
    assert math.isnan(snapshot.waiting.p50)
    assert math.isnan(snapshot.running.p50)
    assert [point.depth for point in snapshot.points] == [1, 1, 1, 1, 0, 0]
    assert snapshot.depth == 0


# -- counts, made late or not


class Stored(MemoryStore):
    """A store with facts of earlier processes."""

    def __init__(self, log: Log) -> None:
        self._facts = log.facts

    def load(self) -> list[RawFact]:
        return self._facts


class Forgetful(Registry):
    """A registry whose log has lost its oldest facts, as one that ran for long."""

    def __init__(self, log: Log, lost: int) -> None:
        super().__init__(Stored(log))
        self.load()
        self._lost = lost

    def log_since(self, cursor: int) -> tuple[list[Block], int, int]:
        return super().log_since(max(cursor, self._lost))


def test_counts_are_right_even_if_made_late() -> None:
    """Counts, totals and depth come from the registry: a log that was cut doesn't matter."""
    log = Log()
    for n in range(1, 8):
        log.submitted(n, f"a-{n}")
    for n in range(3, 8):
        log.started(10 + n, f"a-{n}")
    for n in range(5, 8):
        log.succeeded(20 + n, f"a-{n}")
    snapshot = Monitor(Forgetful(log, lost=9)).snapshot()
    assert snapshot.depth == snapshot.counts[TaskStatus.PENDING] == 2
    assert snapshot.counts[TaskStatus.RUNNING] == 2
    assert snapshot.counts[TaskStatus.SUCCEEDED] == 3
    assert snapshot.totals[facts.SUBMITTED] == 7


def test_a_start_whose_submission_was_dropped(at: SetClock) -> None:
    """A start says by itself how long its task waited, also if the log begins after that."""
    log = Log().submitted(0, "a-1").submitted(0, "a-2")
    log.started(8, "a-1").succeeded(9, "a-1").started(12, "a-2").succeeded(14, "a-2")
    at(15)
    monitor = Monitor(Forgetful(log, lost=2))
    assert latencies(monitor) == ([about(8), about(12)], [about(1), about(2)])


def test_the_depth_is_right_even_if_made_late(at: SetClock) -> None:
    """The depth of every half second counts tasks whose submission the log had dropped."""
    log = Log()
    for n in range(1, 8):
        log.submitted(0, f"a-{n}")
    log.started(0.6, "a-1").started(1.1, "a-2").succeeded(1.2, "a-1").submitted(1.6, "a-8")
    at(2)
    points = Monitor(Forgetful(log, lost=7)).snapshot(1.5).points
    assert [point.depth for point in points] == [6, 5, 6]


def test_an_end_whose_start_is_missing(at: SetClock) -> None:
    """A run whose start was damaged in the journal has no length; its task waits no longer."""
    log = Log().submitted(0.1, "a-1").submitted(0.1, "a-2").succeeded(1.1, "a-1")
    log.started(1.6, "a-2").retried(1.7, "a-2", due=1.8).failed(2.3, "a-2")
    at(2.5)
    snapshot = log.monitor().snapshot(2.5)
    assert [point.depth for point in snapshot.points] == [2, 2, 1, 1, 0]
    assert (snapshot.running.p99, snapshot.waiting.p99) == (about(0.1), about(1.5))
    assert [(run.task_id, run.outcome) for run in snapshot.runs] == [("a-2", facts.RETRIED)]


def test_what_runs_according_to_a_journal(at: SetClock) -> None:
    """A journal that somebody else writes says who is busy, with what, and since when."""
    at(1)
    log = Log().submitted(0, "a-1").submitted(0.1, "a-2", "page").started(0.5, "a-2", "w7")
    (run,) = log.monitor().snapshot().busy
    assert run == ("w7", "a-2", "page", ns(0.5), 0, "")


def test_a_clock_that_was_set_back(at: SetClock) -> None:
    """What happened after the clock was set back between two processes is at its own time."""
    log = Log()
    for n in range(40):
        log.submitted(100 + n / 100, f"a-{n}")
    for n in range(40):
        log.started(10 + n / 10, f"a-{n}")  # before they could, by this clock: no waiting
    at(14)
    snapshot = log.monitor().snapshot(4)
    assert snapshot.waiting.p99 == pytest.approx(0, abs=1e-8)
    assert [point.waiting.p50 < 1e-8 for point in snapshot.points] == [True] * 8


def test_refresh_folds_each_fact_once() -> None:
    """However many threads refresh while tasks run, each fact is counted once."""
    with TaskQueue() as queue, WorkerPool(2) as pool:
        pool.start_processing(queue)
        monitor = Monitor(queue)
        done = threading.Event()
        seen: list[int] = []

        def refresh() -> None:
            while not done.is_set():
                seen.append(monitor.refresh())

        threads = [threading.Thread(target=refresh) for _ in range(3)]
        for thread in threads:
            thread.start()
        queue.submit_many([Monitored()] * 200)
        queue.join()
        done.set()
        for thread in threads:
            thread.join()
        assert sum(seen) + monitor.refresh() == sum(queue.registry.totals().values()) == 600
        assert monitor.refresh() == 0


def test_a_real_queue() -> None:
    """A snapshot says what the queue is: bound, pool, pause, who is busy, what waits."""
    with TaskQueue(maxsize=10) as queue:
        monitor = Monitor(queue)
        empty = monitor.snapshot()
        assert (empty.maxsize, empty.workers, empty.depth, empty.paused) == (10, 0, 0, False)
        assert (empty.busy, empty.runs, empty.throughput, empty.arrivals) == ((), (), 0, 0)
        first, second = queue.submit(Monitored()), queue.submit(Monitored(1))
        desk = queue.dispatcher
        run = desk.claim("me")
        assert run is not None
        queue.pause()
        snapshot = monitor.snapshot()
        assert (snapshot.depth, snapshot.paused) == (1, True)
        (busy,) = snapshot.busy
        assert (busy.worker, busy.task_id, busy.type) == ("me", first, "test.monitored")
        assert (busy.end, busy.outcome) == (0, "")
        queue.resume()
        desk.settle(run, *run_task(run))
        run = desk.claim("me")
        assert run is not None
        desk.settle(run, *run_task(run))
        snapshot = monitor.snapshot()
        assert snapshot.busy == ()
        assert [(r.task_id, r.outcome) for r in snapshot.runs] == [
            (first, "succeeded"),
            (second, "failed"),
        ]
        assert all(r.start <= r.end for r in snapshot.runs)
        with WorkerPool(3) as pool:
            pool.start_processing(queue)
            assert monitor.snapshot().workers == 3


def test_a_journal_can_be_monitored(tmp_path: Path) -> None:
    """A registry read from a journal has its counts and latencies, without a queue."""
    with TaskQueue.open(tmp_path / "jobs") as queue:
        queue.submit_many([Monitored(), Monitored(1)])
        for _ in range(2):
            run = queue.dispatcher.claim("me")
            assert run is not None
            queue.dispatcher.settle(run, *run_task(run))
    monitor = Monitor(fold(read_facts(tmp_path / "jobs")))
    snapshot = monitor.snapshot()
    assert snapshot.counts[TaskStatus.SUCCEEDED] == snapshot.counts[TaskStatus.FAILED] == 1
    assert (snapshot.maxsize, snapshot.workers, snapshot.paused) == (0, 1, False)
    assert not math.isnan(snapshot.running.p50)


# -- the time series


def test_points(at: SetClock) -> None:
    """Each point has the rates, depth and latencies of one half second, the oldest first."""
    log = Log().submitted(0.1, "a-1").submitted(0.2, "a-2").submitted(0.3, "a-3")
    log.started(0.3, "a-1").succeeded(0.4, "a-1")
    log.started(1.6, "a-2").failed(1.7, "a-2")
    log.submitted(2.1, "a-4")  # in the half second that is not complete
    monitor = log.monitor()
    at(2.2)
    snapshot = monitor.snapshot(2)
    assert [point.at for point in snapshot.points] == pytest.approx([-1.7, -1.2, -0.7, -0.2])
    assert [point.submitted for point in snapshot.points] == [6, 0, 0, 0]
    assert [point.finished for point in snapshot.points] == [2, 0, 0, 2]
    assert [point.failed for point in snapshot.points] == [0, 0, 0, 2]
    assert [point.depth for point in snapshot.points] == [2, 2, 2, 1]
    assert [point.waiting.p50 for point in snapshot.points] == [
        about(0.2),
        *[pytest.approx(math.nan, nan_ok=True)] * 2,
        about(1.4),
    ]
    assert snapshot.points[3].running.p50 == about(0.1)
    assert (snapshot.seconds, snapshot.at, snapshot.depth) == (2, ns(2.2), 2)


def test_window(at: SetClock) -> None:
    """Rates and latencies are those of the window; what is older shows in the totals only."""
    log = Log().submitted(0, "a-1").started(0, "a-1").succeeded(0.1, "a-1")
    for n in range(2, 6):
        log.submitted(99.6, f"a-{n}").started(99.7, f"a-{n}").succeeded(99.9, f"a-{n}")
    monitor = log.monitor()
    at(100)
    snapshot = monitor.snapshot(10)
    assert len(snapshot.points) == 20
    assert snapshot.throughput == snapshot.arrivals == pytest.approx(0.4)
    assert (snapshot.waiting.p50, snapshot.running.p50) == (about(0.1), about(0.2))
    assert snapshot.totals[facts.SUCCEEDED] == 5
    assert len(snapshot.runs) == 4
    assert monitor.snapshot(200).throughput == pytest.approx(5 / 100)


@pytest.mark.parametrize(("now", "rate"), [(0.3, 20), (0.5, 20), (0.8, 12.5), (4, 2.5)])
def test_a_young_run(at: SetClock, now: float, rate: float) -> None:
    """In its first seconds a run is measured from its first task, and from half a second on."""
    log = Log()
    for n in range(10):
        log.submitted(0, f"a-{n}").started(0.1, f"a-{n}").succeeded(0.2, f"a-{n}")
    at(now)
    snapshot = log.monitor().snapshot()
    assert snapshot.throughput == snapshot.arrivals == pytest.approx(rate)
    assert snapshot.running.p50 == about(0.1)


def test_depth_carries_over(at: SetClock) -> None:
    """Where nothing happens for a while, the depth stays what it was, before the window too."""
    log = Log().submitted(0, "a-1").submitted(0, "a-2").started(1, "a-2")
    monitor = log.monitor()
    at(1_000)
    assert [point.depth for point in monitor.snapshot(3).points] == [1] * 6


def test_retried_tasks_wait_but_have_not_finished(at: SetClock) -> None:
    """A retry counts as waiting again, and not as an end."""
    log = Log().submitted(0, "a-1").started(0.1, "a-1").retried(0.2, "a-1", due=60)
    at(0.6)
    snapshot = log.monitor().snapshot(1)
    assert snapshot.depth == snapshot.points[-1].depth == 1
    assert snapshot.throughput == 0
    assert [run.outcome for run in snapshot.runs] == [facts.RETRIED]


def test_a_half_second_that_is_complete_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fact that is recorded while a snapshot is made is not missing from a complete point."""
    registry = fold(Log().submitted(0.1, "a-1").started(0.2, "a-1").facts)
    monitor = Monitor(registry)

    def read_clock() -> int:
        # Just before the monitor looks at the clock, a worker records a fact.
        monkeypatch.setattr(facts, "now", lambda: ns(0.49))
        registry.record(facts.SUCCEEDED, registry.get("a-1"), "w1", b"1")
        monkeypatch.setattr(facts, "now", lambda: ns(0.52))
        return ns(0.51)

    monkeypatch.setattr(facts, "now", read_clock)
    for _ in range(2):
        last = monitor.snapshot(1).points[-1]
    assert last.finished == 2
    assert last.running.p50 == about(0.29)


def test_to_now(at: SetClock) -> None:
    """A look back has the half second under way as its last point; it can grow later."""
    log = Log().submitted(0.1, "a-1").started(0.2, "a-1").succeeded(0.3, "a-1")
    registry = fold(log.facts[:2])
    monitor = Monitor(registry)
    at(0.25)
    (*_, last) = monitor.snapshot(1, to_now=True).points
    assert (last.at, last.submitted, last.finished) == (0.0, 2, 0)
    assert len(monitor.snapshot(1).points) == 2
    at(0.3)
    registry.record(facts.SUCCEEDED, registry.get("a-1"), "w1", b"1")
    at(0.4)
    (*_, last) = monitor.snapshot(1, to_now=True).points
    assert (last.at, last.finished, last.depth) == (0.0, 2, 0)
    assert last.running.p50 == about(0.1)


def test_without_history(at: SetClock) -> None:
    """A monitor without history has the counts, but no rates and latencies from before."""
    log = Log().submitted(0, "a-1").started(0.1, "a-1").succeeded(0.2, "a-1")
    log.submitted(0.2, "a-2")
    registry = fold(log.facts)
    monitor = Monitor(registry, history=False)
    at(1)
    snapshot = monitor.snapshot()
    assert (snapshot.throughput, snapshot.arrivals, snapshot.runs) == (0, 0, ())
    assert math.isnan(snapshot.running.p50)
    assert (snapshot.depth, snapshot.totals[facts.SUCCEEDED]) == (1, 1)
    registry.record(facts.STARTED, registry.get("a-2"), "w1", 1)
    at(3)
    registry.record(facts.SUCCEEDED, registry.get("a-2"), "w1", b"1")
    at(4)
    assert latencies(monitor) == ([about(0.8)], [about(2)])
    assert len(monitor.snapshot().runs) == 1


@pytest.mark.parametrize(
    ("seconds", "width", "points"), [(0, 0.5, 1), (30, 0.5, 60), (120, 0.5, 240), (300, 2, 151)]
)
def test_a_longer_window_has_wider_points(
    at: SetClock, seconds: float, width: float, points: int
) -> None:
    """A snapshot has 240 points at most, of the smallest width that does, and one at least."""
    monitor = Log().submitted(0, "a-1").monitor()
    at(1_000)
    snapshot = monitor.snapshot(seconds)
    assert (snapshot.width, len(snapshot.points)) == (width, points)
    assert snapshot.seconds == seconds


def test_the_whole_run(at: SetClock) -> None:
    """An infinite window is all since the first fact, with each fact in one of its points."""
    log = Log()
    for n in range(14_400):
        log.submitted(n / 2, f"a-{n}").started(n / 2 + 0.1, f"a-{n}").succeeded(
            n / 2 + 0.3, f"a-{n}"
        )
    monitor = log.monitor()
    assert monitor.refresh() == 3 * 14_400
    at(2 * HOUR)
    snapshot = monitor.snapshot(math.inf)
    assert (snapshot.seconds, snapshot.width) == (2 * HOUR, 32)
    assert len(snapshot.points) <= 240 + 1
    assert sum(point.submitted for point in snapshot.points[:-1]) * 32 == pytest.approx(
        14_400, abs=64
    )
    assert snapshot.throughput == snapshot.arrivals == pytest.approx(2)
    assert snapshot.waiting.p50 == about(0.1)
    assert snapshot.running.p99 == about(0.2)


def test_the_wide_point_under_way(at: SetClock) -> None:
    """The last of the wide points is the one under way: its rates are those of the time so far."""
    log = Log()
    for n in range(1_003):
        log.submitted(n, f"a-{n}")
    monitor = log.monitor()
    at(1_003)
    last = monitor.snapshot(math.inf).points[-1]
    assert (last.at, last.submitted, last.depth) == (0, pytest.approx(1), 1_003)


def test_old_bins_are_dropped(at: SetClock) -> None:
    """Of a run of two hours, the narrow points keep the last minutes only."""
    log = Log()
    for n in range(14_400):
        log.submitted(n / 2, f"a-{n}")
    monitor = log.monitor()
    monitor.refresh()
    at(HOUR - 1)
    assert monitor.snapshot(60).arrivals == 0
    assert monitor.snapshot(math.inf).arrivals > 0
    at(2 * HOUR)
    assert monitor.snapshot(60).arrivals == pytest.approx(2)


def test_one_monitor_for_all() -> None:
    """Those who share the monitor of a queue get the same one, until nobody has it any more."""
    with TaskQueue() as queue:
        monitor = Monitor.shared(queue)
        assert Monitor.shared(queue) is monitor
        assert Monitor.shared(TaskQueue()) is not monitor
        forgotten = weakref.ref(monitor)
        del monitor
        assert forgotten() is None
        assert Monitor.shared(queue).queue is queue


def random_life(random: Random, log: Log, task: str, begin: float) -> None:
    """Add the facts of a task that is retried, put back, cancelled, or just runs."""
    due = random.choice([None, None, begin + random.random() * 5])
    log.submitted(begin, task, random.choice("abc"), due)
    now = max(begin, due or 0) + random.random()
    while random.random() < 0.95:
        log.started(now, task, random.choice("uvw"))
        end = now + random.choice([0.001, 0.1, 3]) * random.random()
        now = end + 0.2 + random.random() * 2
        again = random.random()
        if again < 0.1:
            log.retried(end, task, due=now - 0.1)
        elif again < 0.3:
            log.add(end, random.choice([facts.RELEASED, facts.RECOVERED]), task, "u", "why")
        elif again < 0.4:
            log.failed(end, task)
            log.add(end + 0.1, facts.REVIVED, task, "", "why")
        elif again < 0.45:
            log.add(end, facts.DIED, task, "u", "why")
            return
        else:
            log.succeeded(end, task)
            return
    log.add(now, facts.CANCELLED, task, "", "why")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("block", [1, 7, 1_000])
def test_how_often_one_looks_changes_nothing(seed: int, block: int, at: SetClock) -> None:
    """A monitor that looked again and again says the same as one that is made now."""
    random = Random(seed)
    log = Log()
    for n in range(60):
        random_life(random, log, f"a-{n}", random.random() * 30)
    log.facts.sort(key=lambda fact: fact[2])
    registry = Registry()
    registry._ledger.log = FactLog(10_000, block)
    often = Monitor(registry)
    while log.facts:
        some, log.facts = log.facts[:20], log.facts[20:]
        registry._ledger.replay(some)
        at((some[-1][2] - ns(0)) / 1e9 + random.random())
        seconds = random.choice([2.0, 10.0, 10.0, 60.0, 200.0, math.inf])
        assert same(often.snapshot(seconds), Monitor(registry).snapshot(seconds))
        assert same(often.overall(), Monitor(registry).overall())
        pending = sum(record.status is TaskStatus.PENDING for record in registry.records())
        assert often.snapshot(1, to_now=True).points[-1].depth == pending
    assert not registry.misfits


def same(left: object, right: object) -> bool:
    return repr(left) == repr(right)  # NaN is not equal to itself


@pytest.mark.parametrize("seed", range(5))
def test_against_a_loop_over_the_facts(seed: int, at: SetClock) -> None:
    """Rates, depth and latencies are what pairing the facts one by one gives."""
    random = Random(seed)
    log = Log()
    for n in range(100):
        random_life(random, log, f"a-{n}", random.random() * 10)
    log.facts.sort(key=lambda fact: fact[2])
    ready: dict[str, int] = {}
    began: dict[str, int] = {}
    waited, ran = [], []
    depth, finished = Counter[int](), Counter[int]()
    for kind, task, when, _, detail in log.facts:
        if kind == facts.STARTED:
            waited.append(when - ready.pop(task))
            began[task] = when
        elif kind == facts.SUBMITTED:
            ready[task] = when if detail.due is None else max(when, int(detail.due * 1e9))
        else:
            ready.pop(task, None)
            if task in began and kind not in (facts.RECOVERED, facts.DIED):
                ran.append(when - began[task])
            began.pop(task, None)
            if kind in (facts.RELEASED, facts.RECOVERED, facts.REVIVED):
                ready[task] = when
            elif kind == facts.RETRIED:
                ready[task] = int(detail[1] * 1e9)
            else:
                finished[when // BIN] += 1
        depth[when // BIN] = len(ready)
    last = log.facts[-1][2] // BIN
    at((last * BIN + BIN - ns(0)) / 1e9)
    snapshot = log.monitor().snapshot(120)
    points = {last - n: point for n, point in enumerate(reversed(snapshot.points))}
    assert {n: points[n].depth for n in depth} == depth
    assert {n: points[n].finished / 2 for n in finished} == finished
    for found, durations in ((snapshot.waiting, waited), (snapshot.running, ran)):
        true = np.quantile(np.array(durations) / 1e9, [0.5, 0.95, 0.99], method="lower")
        assert found == pytest.approx(tuple(true), rel=0.0101)


def test_bins_are_half_a_second() -> None:
    """BIN is in nanoseconds."""
    assert BIN == 500_000_000


def test_a_revived_task_keeps_its_type(at: SetClock) -> None:
    """The run of a task that was put back after its failure has the type of the task."""
    log = Log().submitted(0, "a-1", "math").started(1, "a-1").failed(2, "a-1")
    log.add(3, facts.REVIVED, "a-1", "", "why").started(4, "a-1").succeeded(5, "a-1")
    at(6)
    snapshot = log.monitor().snapshot()
    assert [run.type for run in snapshot.runs] == ["math", "math"]
    assert snapshot.depth == 0


def test_a_task_revived_and_forgotten(at: SetClock) -> None:
    """The runs of a task that was revived, and forgotten since, have its type."""
    log = Log().submitted(0, "a-1").started(1, "a-1").failed(2, "a-1")
    log.add(3, facts.REVIVED, "a-1", "", "why").started(4, "a-1").succeeded(5, "a-1")
    log.submitted(6, "a-2").started(7, "a-2").succeeded(8, "a-2")
    registry = Registry(Stored(log), retain=1)
    registry.load()
    assert [record.id for record in registry.records()] == ["a-2"]
    at(9)
    assert [run.type for run in Monitor(registry).snapshot().runs] == ["math"] * 3


# -- tables


TASK_COLUMNS = {
    "type": "category",
    "status": "category",
    "worker": "category",
    "priority": "int64",
    "attempt": "int64",
    "submitted": "datetime64[ns, UTC]",
    "started": "datetime64[ns, UTC]",
    "finished": "datetime64[ns, UTC]",
    "waiting": "float64",
    "running": "float64",
    "error": pd.Series([""], dtype="str").dtype,
}
FACT_COLUMNS = {
    "at": "datetime64[ns, UTC]",
    "kind": "category",
    "id": pd.Series([""], dtype="str").dtype,
    "who": "category",
    "since": "datetime64[ns, UTC]",
}


def shape(frame: pd.DataFrame) -> dict[str, Any]:
    return dict(frame.dtypes)


def test_the_table_of_tasks() -> None:
    """One row a task, with the documented columns, types and units."""
    log = Log().submitted(0, "a-1", "math").started(0.25, "a-1", "w2").succeeded(2.25, "a-1", "w2")
    log.submitted(1, "a-2", "flaky").started(2, "a-2").retried(4, "a-2", due=5)
    log.started(6, "a-2", attempt=2).failed(9, "a-2")
    log.submitted(3, "a-3", "math")
    frame = log.monitor().to_frame()
    assert shape(frame) == TASK_COLUMNS
    assert frame.index.name == "id"
    assert list(frame.index) == ["a-1", "a-2", "a-3"]
    assert list(frame["type"]) == ["math", "flaky", "math"]
    assert list(frame["status"]) == ["succeeded", "failed", "pending"]
    assert list(frame["worker"]) == ["w2", "w1", ""]
    assert list(frame["attempt"]) == [1, 2, 0]
    assert list(frame["priority"]) == [0, 0, 0]
    assert list(frame["waiting"])[:2] == [0.25, 5.0]
    assert list(frame["running"])[:2] == [2.0, 3.0]
    assert frame.loc["a-3", ["started", "finished", "waiting", "running"]].isna().all()
    assert frame.loc["a-3", "submitted"] == pd.Timestamp(START + 3, unit="s", tz="UTC")
    assert list(frame["error"]) == ["", "ValueError: no", ""]


def test_times_are_exact() -> None:
    """Times keep their nanoseconds, also beside tasks that have none yet."""
    odd = START * 10**9 + 123_456_789
    log = Log().submitted(0, "a-1")
    log.facts.append((facts.STARTED, "a-1", odd, "w1", 1))
    log.submitted(0, "a-2")
    frame = log.monitor().to_frame()
    assert frame["started"].iloc[0].value == odd
    assert frame["started"].isna().tolist() == [False, True]


def test_the_table_of_facts() -> None:
    """One row a fact, in order, with the documented columns and types."""
    log = Log().submitted(0, "a-1").started(1, "a-1").succeeded(2, "a-1")
    frame = log.monitor().to_frame("facts")
    assert shape(frame) == FACT_COLUMNS
    assert list(frame["kind"]) == ["submitted", "started", "succeeded"]
    assert list(frame["id"]) == ["a-1"] * 3
    assert list(frame["who"]) == ["math", "w1", "w1"]
    assert list(frame["at"].diff().dt.total_seconds())[1:] == [1, 1]
    assert frame["since"].isna().tolist() == [True, False, False]
    assert list(frame["since"])[1:] == list(frame["at"])[:2]


def test_empty_tables() -> None:
    """An empty queue has empty tables with the same columns and types."""
    with TaskQueue() as queue:
        monitor = Monitor(queue)
        for what, columns in (("tasks", TASK_COLUMNS), ("facts", FACT_COLUMNS)):
            frame = monitor.to_frame(what)  # type: ignore[arg-type]
            assert len(frame) == 0
            assert shape(frame) == columns
        assert monitor.to_frame().index.name == "id"


def test_tables_of_a_real_queue() -> None:
    """The tables of tasks that really ran can be grouped and joined."""
    with TaskQueue() as queue, WorkerPool(2) as pool:
        pool.start_processing(queue)
        queue.submit_many([Monitored()] * 20, priority=3)
        queue.submit(Monitored(1), retry=RetryPolicy(2, delay=0))
        queue.join()
        tasks, log = Monitor(queue).to_frame(), Monitor(queue).to_frame("facts")
    assert tasks["status"].value_counts().to_dict() == {"succeeded": 20, "failed": 1}
    assert tasks["priority"].value_counts().to_dict() == {3: 20, 0: 1}
    assert (tasks["running"] >= 0).all()
    assert (tasks["waiting"] >= 0).all()
    assert set(log["id"]) == set(tasks.index)
    assert log["at"].is_monotonic_increasing
    assert len(log) == 20 * 3 + 5


# -- text


def test_summary() -> None:
    """The summary says how many tasks are where, and the percentiles of both latencies."""
    assert Log().monitor().summary() == "tasks: no tasks"
    log = Log().submitted(0, "a-1").started(0.5, "a-1").succeeded(2.5, "a-1").submitted(3, "a-2")
    lines = log.monitor().summary().splitlines()
    assert lines[0] == "tasks: 1 pending, 1 succeeded"
    assert lines[1].startswith("waiting: p50 ")
    assert lines[2].startswith("running: p50 ")
    assert lines[2].endswith(" s")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (math.nan, "-"),
        (0.0, "0 µs"),
        (2.5e-9, "0.0025 µs"),
        (1.234e-6, "1.23 µs"),
        (0.000_999_9, "1,000 µs"),
        (0.001, "1 ms"),
        (0.123_456, "123 ms"),
        (0.999_6, "1,000 ms"),
        (1.0, "1 s"),
        (59.94, "59.9 s"),
        (119.94, "120 s"),
        (120.0, "2 min"),
        (60 * 99.96, "100 min"),
        (60 * 12_345.0, "12,345 min"),
    ],
)
def test_durations_as_text(seconds: float, text: str) -> None:
    """A duration has three digits, a unit that fits, and never an exponent."""
    assert duration(seconds) == text
    assert "e" not in duration(seconds)


def test_snapshots_are_values() -> None:
    """A snapshot can't be changed, so it can be drawn while the queue goes on."""
    snapshot = Log().submitted(0, "a-1").monitor().snapshot(1)
    assert isinstance(snapshot, Snapshot)
    with pytest.raises(AttributeError):
        snapshot.depth = 3  # type: ignore[misc]
    assert all(type(point) is Point for point in snapshot.points)
    assert np.isnan(snapshot.points[0].waiting.p50)
