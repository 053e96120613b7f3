"""What the queue is doing, folded from the registry's log as it grows."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from taskqueue_edu import facts
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
_KEPT_RUNS: Final = 2_000
_ENDS: Final = frozenset({facts.SUCCEEDED, facts.FAILED, facts.CANCELLED, facts.DIED})


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
    """The queue at one moment, over the last `seconds`.

    `throughput` (tasks that ended) and `arrivals` are per second. `waiting` is the time from
    when a task could run until it started, `running` from there until it ended, both in
    seconds. `points` are oldest first; the newest complete half second is the last.
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

    def percentiles(self, *, complete: bool) -> tuple[Percentiles, Percentiles]:
        if self.shares is not None:
            return self.shares
        shares = self.waiting.percentiles(), self.running.percentiles()
        if complete:
            self.shares = shares
        return shares


_NOTHING: Final = Percentiles(*[float("nan")] * 3)


class Monitor:
    """Counts, rates and latencies of a queue, or of a registry read from a journal.

    It reads the log by cursor and folds only what is new, so a refresh costs the same however
    long the queue has run. Counts come from the registry itself: they are right even if the
    monitor was made late.
    """

    def __init__(self, source: TaskQueue | Registry) -> None:
        self.queue = source if isinstance(source, TaskQueue) else None
        self.registry = source.registry if isinstance(source, TaskQueue) else source
        # Guards all below: several widgets may refresh one monitor.
        self._lock = threading.Lock()
        self._cursor = 0
        self._bins: dict[int, _Bin] = {}
        self._types: dict[str, str] = {}
        self._ready: dict[str, int] = {}
        self._started: dict[str, tuple[int, str]] = {}
        self._runs: deque[Run] = deque(maxlen=_KEPT_RUNS)
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
            waited = max(at - self._ready.pop(task_id, at), 0)
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

    def snapshot(self, seconds: float = 30.0) -> Snapshot:
        """Refresh, and return the state now with a time series of the last `seconds`."""
        self.refresh()
        now = facts.now()
        with self._lock:
            last = now // BIN - 1  # the newest bin that is complete
            count = max(1, round(seconds * 1e9 / BIN))
            waiting, running = Sketch(), Sketch()
            points = []
            depth = self._depth_before(last - count + 1)
            for number in range(last - count + 1, last + 1):
                at = ((number + 1) * BIN - now) / 1e9
                part = self._bins.get(number)
                if part is None:
                    points.append(Point(at, 0.0, 0.0, 0.0, depth, _NOTHING, _NOTHING))
                    continue
                depth = part.depth
                rate = 1e9 / BIN
                points.append(
                    Point(
                        at,
                        part.submitted * rate,
                        part.finished * rate,
                        part.failed * rate,
                        depth,
                        *part.percentiles(complete=True),
                    )
                )
                waiting.merge(part.waiting)
                running.merge(part.running)
            busy = [
                Run(worker, task_id, self._types.get(task_id, ""), start, 0, "")
                for task_id, (start, worker) in self._started.items()
            ]
            since = now - int(seconds * 1e9)
            runs = tuple(run for run in self._runs if run.end >= since)
            depth = len(self._ready)
        span = self._span(now, seconds)
        pool = self.queue.dispatcher.pool if self.queue is not None else None
        return Snapshot(
            at=now,
            seconds=seconds,
            counts=self.registry.counts(),
            totals=self.registry.totals(),
            throughput=sum(p.finished for p in points) * BIN / 1e9 / span,
            arrivals=sum(p.submitted for p in points) * BIN / 1e9 / span,
            waiting=waiting.percentiles(),
            running=running.percentiles(),
            depth=depth,
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

    def _span(self, now: int, seconds: float) -> float:
        """Return the seconds to divide by: the window, or less if the run is younger."""
        if not self._bins:
            return seconds
        age = (now - next(iter(self._bins)) * BIN) / 1e9
        return min(seconds, max(age, BIN / 1e9))

    def overall(self) -> tuple[Percentiles, Percentiles]:
        """Return the percentiles of waiting and of running over the whole run, in seconds."""
        self.refresh()
        with self._lock:
            return self._waiting.percentiles(), self._running.percentiles()

    def to_frame(self, what: Literal["tasks", "facts"] = "tasks") -> pd.DataFrame:
        """Return a pandas table with one row a task that is kept, or a fact in the log.

        Tasks, indexed by `id`: `type`, `status`, `worker` (category); `priority`, `attempt`
        (int64); `submitted`, `started`, `finished` (datetime64[ns, UTC], NaT for not yet);
        `waiting`, `running` (float64, seconds, of the last run; NaN for not yet); `error`
        (str, "" for none). Facts, in order: `at` (datetime64[ns, UTC]), `kind`, `id`, `who`.
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
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds / 60:.3g} min"
