"""What the queue is doing, folded from the registry's log as it grows."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from taskqueue_edu import facts
from taskqueue_edu.errors import UnknownTask
from taskqueue_edu.facts import RawFact
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.registry import Registry
from taskqueue_edu.sketch import Percentiles, Sketch
from taskqueue_edu.task import TaskStatus

if TYPE_CHECKING:
    import pandas as pd

BIN: Final = 500_000_000
"""Width of a bin of the time series, in nanoseconds."""

_KEPT_BINS: Final = 7_200  # one hour
KEPT_RUNS: Final = 2_000
"""Runs that a snapshot holds at most: the newest."""
_NEWEST: Final = 2**62  # a cursor past every fact
_ENDS: Final = frozenset({facts.SUCCEEDED, facts.FAILED, facts.CANCELLED, facts.DIED})
_LOST: Final = frozenset({facts.RECOVERED, facts.DIED})


class Run(NamedTuple):
    """One run of a task on a worker. Times are in nanoseconds since 1970.

    `outcome` is the kind of the fact that ended it; `end` is 0 and `outcome` "" while it runs.
    """

    worker: str
    task_id: str
    type: str
    start: int
    end: int
    outcome: str


class Point(NamedTuple):
    """Half a second of the time series. `at`: seconds before the snapshot (negative).

    Rates are per second; latencies in seconds, NaN where nothing ended; `depth` is the number
    of tasks that wait at the end of it.
    """

    at: float
    submitted: float
    finished: float
    failed: float
    depth: int
    waiting: Percentiles
    running: Percentiles


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The queue at one moment, over the last `seconds` (at most an hour).

    `throughput` (tasks that ended) and `arrivals` are per second, of the time since the first
    task if that is shorter, but of half a second at least. `waiting` is the time from when a
    task could run until it started, `running` from there until the run ended (unless its worker
    died), both in seconds. `points` are oldest first; the newest complete half second is the
    last.
    """

    at: int
    seconds: float
    counts: dict[TaskStatus, int]
    totals: dict[str, int]
    throughput: float
    arrivals: float
    waiting: Percentiles
    running: Percentiles
    depth: int
    maxsize: int
    paused: bool
    workers: int
    busy: tuple[Run, ...]
    runs: tuple[Run, ...]
    points: tuple[Point, ...]


class _Bin:
    __slots__ = ("depth", "failed", "finished", "running", "shares", "submitted", "waiting")

    def __init__(self, depth: int) -> None:
        self.submitted = self.finished = self.failed = 0
        self.depth = depth
        self.waiting, self.running = Sketch(), Sketch()
        self.shares: tuple[Percentiles, Percentiles] | None = None

    def point(self, at: float) -> Point:
        """Return a bin that is complete as a point."""
        if self.shares is None:
            self.shares = self.waiting.percentiles(), self.running.percentiles()
        rate = 1e9 / BIN
        return Point(
            at,
            self.submitted * rate,
            self.finished * rate,
            self.failed * rate,
            self.depth,
            *self.shares,
        )


class Monitor:
    """Counts, rates and latencies of a queue, or of a registry read from a journal.

    It reads the log by cursor and folds only what is new, so a refresh costs the same however
    long the queue has run. Counts come from the registry itself: they are right even if the
    monitor was made late.
    """

    def __init__(self, source: TaskQueue | Registry, *, history: bool = True) -> None:
        """With `history=False`, rates and latencies leave out what happened before now."""
        self.queue = source if isinstance(source, TaskQueue) else None
        self.registry = source.registry if isinstance(source, TaskQueue) else source
        # Guards all below: several widgets may refresh one monitor.
        self._lock = threading.Lock()
        self._cursor = 0 if history else self.registry.facts_since(_NEWEST)[1]
        self._first = 0
        self._bins: dict[int, _Bin] = {}
        self._types: dict[str, str] = {}
        self._ready: dict[str, int] = {}
        self._started: dict[str, tuple[int, str]] = {}
        self._runs: deque[Run] = deque(maxlen=KEPT_RUNS)
        self._waiting, self._running = Sketch(), Sketch()

    def refresh(self) -> int:
        """Fold the facts since the last refresh; return how many there were."""
        with self._lock:
            new, self._cursor = self.registry.facts_since(self._cursor)
            for fact in new:
                self._fold(fact)
            while len(self._bins) > _KEPT_BINS:
                del self._bins[next(iter(self._bins))]
            return len(new)

    def _fold(self, fact: RawFact) -> None:
        kind, task_id, at, who, detail = fact
        self._first = self._first or at
        number = at // BIN
        part = self._bins.get(number)
        if part is None:
            part = self._bins[number] = _Bin(len(self._ready))
        if kind == facts.SUBMITTED:
            part.submitted += 1
            self._types[task_id] = who
            # A delayed task could not run before it was due: that is no waiting.
            self._ready[task_id] = max(at, int((detail or 0) * 1e9))
        elif kind == facts.STARTED:
            ready = self._ready.pop(task_id, None)
            if ready is not None:  # else the log had dropped that fact before it was read
                waited = max(at - ready, 0)
                part.waiting.add(waited)
                self._waiting.add(waited)
            self._started[task_id] = at, who
        else:
            self._end_run(part, fact)
        part.depth = len(self._ready)

    def _end_run(self, part: _Bin, fact: RawFact) -> None:
        kind, task_id, at, _, detail = fact
        started = self._started.pop(task_id, None)
        if started is not None:
            start, worker = started
            # When a worker died, the fact says when that was noticed: the next day, perhaps.
            if kind not in _LOST:
                part.running.add(at - start)
                self._running.add(at - start)
            type_ = self._types.get(task_id, "")
            self._runs.append(Run(worker, task_id, type_, start, at, kind))
        if kind in _ENDS:
            part.finished += 1
            part.failed += kind in (facts.FAILED, facts.DIED)
            self._ready.pop(task_id, None)
            self._types.pop(task_id, None)
        elif kind == facts.RETRIED:
            self._ready[task_id] = int(detail[1] * 1e9)
        else:
            self._ready[task_id] = at
            if kind == facts.REVIVED:
                with suppress(UnknownTask):
                    self._types[task_id] = self.registry.get(task_id).type

    def snapshot(self, seconds: float = 30.0, *, to_now: bool = False) -> Snapshot:
        """Refresh, and return the state now with a time series of the last `seconds`.

        With `to_now`, the half second under way is a point too, as if nothing more happened in
        it: for a look back at a run that is over.
        """
        now = facts.now()  # before the refresh: then no fact up to now is missed
        self.refresh()
        seconds = min(seconds, _KEPT_BINS * BIN / 1e9)
        current = now // BIN
        first = current - max(1, round(seconds * 1e9 / BIN))
        submitted = finished = 0
        waiting, running = Sketch(), Sketch()
        points: list[Point] = []
        with self._lock:
            idle = _Bin(self._depth_before(first))
            for number in range(first, current + 1):
                part = self._bins.get(number, idle)
                idle.depth = part.depth
                submitted += part.submitted
                finished += part.finished
                waiting.merge(part.waiting)
                running.merge(part.running)
                if number < current:  # the current half second is not complete
                    points.append(part.point(((number + 1) * BIN - now) / 1e9))
                elif to_now:
                    points.append(part.point(0.0))
                    part.shares = None
            busy = [
                Run(worker, task_id, self._types.get(task_id, ""), start, 0, "")
                for task_id, (start, worker) in self._started.items()
            ]
            since = now - int(seconds * 1e9)
            runs = tuple(run for run in self._runs if run.end >= since)
            span = max(now - max(self._first or now, first * BIN), BIN) / 1e9
        counts = self.registry.counts()
        pool = self.queue.dispatcher.pool if self.queue is not None else None
        return Snapshot(
            at=now,
            seconds=seconds,
            counts=counts,
            totals=self.registry.totals(),
            throughput=finished / span,
            arrivals=submitted / span,
            waiting=waiting.percentiles(),
            running=running.percentiles(),
            depth=counts[TaskStatus.PENDING],
            maxsize=self.queue.dispatcher.maxsize if self.queue is not None else 0,
            paused=self.queue.paused if self.queue is not None else False,
            workers=pool.workers if pool is not None else 0,
            busy=tuple(busy),
            runs=runs,
            points=tuple(points),
        )

    def _depth_before(self, number: int) -> int:
        """Return the depth at the start of a bin: bins in which nothing happened are not kept."""
        earlier = [n for n in self._bins if n < number]
        return self._bins[max(earlier)].depth if earlier else 0

    def overall(self) -> tuple[Percentiles, Percentiles]:
        """Return the percentiles of waiting and of running over the whole run, in seconds."""
        self.refresh()
        with self._lock:
            return self._waiting.percentiles(), self._running.percentiles()

    def to_frame(self, what: Literal["tasks", "facts"] = "tasks") -> pd.DataFrame:
        """Return a pandas table with one row a task that is kept, or a fact in the log.

        Tasks, indexed by `id`: `type`, `status`, `worker` (category); `priority`, `attempt`
        (int64); `submitted`, `started` (the last run), `finished` (datetime64[ns, UTC], NaT for
        not yet); `waiting` from submitted to started, `running` from there to finished (float64,
        seconds, NaN for not yet); `error` (str: the last that a run failed with, "" for none).
        Facts, in order: `at` (datetime64[ns, UTC]), `kind`, `who` (category), `id` (str).
        """
        from taskqueue_edu.frames import fact_frame, task_frame

        if what == "facts":
            return fact_frame(self.registry.facts_since(0)[0])
        return task_frame(self.registry.records())

    def summary(self) -> str:
        """Return a few lines of text: counts, and percentiles over the whole run."""
        waiting, running = self.overall()
        counts = self.registry.counts()
        shown = ", ".join(f"{n:,} {status}" for status, n in counts.items() if n) or "no tasks"
        lines = [f"tasks: {shown}"]
        for name, value in (("waiting", waiting), ("running", running)):
            if value.p50 == value.p50:
                lines.append(
                    f"{name}: p50 {duration(value.p50)}, p95 {duration(value.p95)}, "
                    f"p99 {duration(value.p99)}"
                )
        return "\n".join(lines)


def duration(seconds: float) -> str:
    """Return a duration with three digits and a unit that fits: "1.23 ms"."""
    if seconds != seconds:
        return "-"
    for limit, scale, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (120.0, 1.0, "s")):
        if seconds < limit:
            return f"{_three(seconds * scale)} {unit}"
    return f"{_three(seconds / 60)} min"


def _three(number: float) -> str:
    return f"{number:.3g}" if number < 99.95 else f"{number:,.0f}"
