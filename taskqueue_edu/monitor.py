"""What the queue is doing, folded from the registry's log as it grows."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Self

from taskqueue_edu import facts
from taskqueue_edu.factlog import CODES, Block, Columns, columns, entries, size
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

_START: Final = CODES[facts.STARTED]
# When a worker died, the fact says when that was noticed: the next day, perhaps.
_LOST: Final = (CODES[facts.RECOVERED], CODES[facts.DIED])


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
    """What happened in some time. `depth` tasks wait at its end, `change` more than before it."""

    __slots__ = (
        "change",
        "depth",
        "failed",
        "finished",
        "running",
        "shares",
        "submitted",
        "waiting",
    )

    def __init__(self, new: Sequence[Columns] = ()) -> None:
        """Sum up facts. The loop goes over all of them: what can be counted without it, is."""
        kinds = b"".join(some.kinds for some in new)
        n = {kind: kinds.count(code) for kind, code in CODES.items()}
        self.submitted = n[facts.SUBMITTED]
        self.failed = n[facts.FAILED] + n[facts.DIED]
        self.finished = n[facts.SUCCEEDED] + n[facts.CANCELLED] + self.failed
        waited, ran, lost = [], [], 0
        for some in new:
            for code, at, since in zip(*some, strict=True):
                if code == _START:
                    waited.append(at - since)
                elif since:  # a run ends
                    if code in _LOST:
                        lost += 1
                    else:
                        ran.append(at - since)
        self.waiting, self.running = Sketch(waited), Sketch(ran)
        self.shares: tuple[Percentiles, Percentiles] | None = None
        # When a run ends, its task has finished, or waits again.
        again = len(ran) + lost - self.finished
        self.change = self.submitted + n[facts.REVIVED] + again - len(waited)
        self.depth = 0

    def __iadd__(self, other: _Bin) -> Self:
        self._count(other, 1)
        self.depth = other.depth
        self.waiting += other.waiting
        self.running += other.running
        return self

    def __isub__(self, other: _Bin) -> Self:
        self._count(other, -1)
        self.waiting -= other.waiting
        self.running -= other.running
        return self

    def _count(self, other: _Bin, sign: int) -> None:
        self.submitted += sign * other.submitted
        self.finished += sign * other.finished
        self.failed += sign * other.failed
        self.shares = None

    def percentiles(self) -> tuple[Percentiles, Percentiles]:
        """Return those of waiting and of running, which are kept: most bins don't change."""
        if self.shares is None:
            self.shares = self.waiting.percentiles(), self.running.percentiles()
        return self.shares

    def point(self, at: float) -> Point:
        """Return a bin of half a second as a point."""
        rate = 1e9 / BIN
        return Point(
            at,
            self.submitted * rate,
            self.finished * rate,
            self.failed * rate,
            self.depth,
            *self.percentiles(),
        )


def _by_bin(new: Columns) -> Iterator[tuple[int, Columns]]:
    """Split facts at the borders of the bins; return the number of each bin and its facts."""
    first = new.times[0] // BIN
    if first == new.times[-1] // BIN:  # as mostly
        yield first, new
        return
    start = 0
    for number, times in groupby(new.times, lambda at: at // BIN):
        end = start + len(list(times))
        yield number, Columns._make(column[start:end] for column in new)
        start = end


def _runs(block: Block) -> list[Run]:
    """Return the runs that ended."""
    return [
        Run(worker, task_id, type_, start, end, facts.KINDS[code])
        for code, task_id, end, worker, type_, start in entries(block)
        if start and code != _START
    ]


class _Window:
    """The sum of the bins from number `first` to before `end`.

    To add up 30 seconds anew would take longer than all the rest of a snapshot.
    """

    def __init__(self, first: int = 0) -> None:
        self.first = self.end = first
        self.sum = _Bin()

    def __contains__(self, number: int) -> bool:
        return self.first <= number < self.end

    def moved(self, bins: dict[int, _Bin], first: int, end: int) -> _Window:
        """Return the window from `first` to before `end`: this one, if it only has to move on."""
        if not self.first <= first <= self.end <= end:
            return _Window(first).moved(bins, first, end)
        for number in range(self.first, first):
            if number in bins:
                self.sum -= bins[number]
        for number in range(self.end, end):
            if number in bins:
                self.sum += bins[number]
        self.first, self.end = first, end
        return self


class Monitor:
    """Counts, rates and latencies of a queue, or of a registry read from a journal.

    It reads the log by cursor and folds only what is new, and a snapshot adds and takes away only
    the half seconds that came and went since the last. So both cost the same however long the
    queue has run. Counts come from the registry itself: they are right even if the monitor was
    made late.
    """

    def __init__(self, source: TaskQueue | Registry, *, history: bool = True) -> None:
        """With `history=False`, rates and latencies leave out the facts from before now."""
        self.queue = source if isinstance(source, TaskQueue) else None
        self.registry = source.registry if isinstance(source, TaskQueue) else source
        # Guards all below: several widgets may refresh one monitor.
        self._lock = threading.Lock()
        self._cursor = 0 if history else self.registry.log_since(_NEWEST)[1]
        self._first = 0
        self._bins: dict[int, _Bin] = {}
        self._window = _Window()
        self._all = _Bin()
        self._runs: tuple[Run, ...] = ()

    def refresh(self) -> int:
        """Fold the facts since the last refresh; return how many there were."""
        with self._lock:
            blocks, self._cursor, depth = self.registry.log_since(self._cursor)
            self._add_bins(blocks, depth)
            self._add_runs(blocks)
            return sum(map(size, blocks))

    def _add_bins(self, blocks: list[Block], depth: int) -> None:
        """Add what new facts say of each half second; `depth` tasks wait after the last one."""
        new: defaultdict[int, list[Columns]] = defaultdict(list)
        for block in blocks:
            for number, some in _by_bin(columns(block)):
                self._first = self._first or some.times[0]
                new[number].append(some)
        parts = {number: _Bin(new[number]) for number in sorted(new)}
        for part in reversed(parts.values()):
            part.depth = depth
            depth -= part.change
        for number, part in parts.items():
            self._all += part
            if number in self._window:
                self._window.sum += part
            if number in self._bins:
                self._bins[number] += part
            else:
                self._bins[number] = part
        while len(self._bins) > _KEPT_BINS:
            oldest = next(iter(self._bins))
            gone = self._bins.pop(oldest)
            if oldest in self._window:
                self._window.sum -= gone

    def _add_runs(self, blocks: list[Block]) -> None:
        new: list[Run] = []
        for block in reversed(blocks):
            new[:0] = _runs(block)
            if len(new) >= KEPT_RUNS:
                break
        self._runs = (*self._runs, *new)[-KEPT_RUNS:]

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
        with self._lock:
            points = self._points(first, current, now)
            if to_now:
                points += self._points(current, current + 1, current * BIN + BIN)
            self._window = self._window.moved(self._bins, first, current + 1)
            total = self._window.sum
            waiting, running = total.percentiles()
            span = max(now - max(self._first or now, first * BIN), BIN) / 1e9
            throughput, arrivals = total.finished / span, total.submitted / span
            since = now - int(seconds * 1e9)
            runs = self._runs[bisect_left(self._runs, since, key=attrgetter("end")) :]
        counts = self.registry.counts()
        pool = self.queue.dispatcher.pool if self.queue is not None else None
        return Snapshot(
            at=now,
            seconds=seconds,
            counts=counts,
            totals=self.registry.totals(),
            throughput=throughput,
            arrivals=arrivals,
            waiting=waiting,
            running=running,
            depth=counts[TaskStatus.PENDING],
            maxsize=self.queue.dispatcher.maxsize if self.queue is not None else 0,
            paused=self.queue.paused if self.queue is not None else False,
            workers=pool.workers if pool is not None else 0,
            busy=tuple(
                Run(record.worker, record.id, record.type, record.started, 0, "")
                for record in self.registry.running()
            ),
            runs=runs,
            points=tuple(points),
        )

    def _points(self, first: int, end: int, now: int) -> list[Point]:
        """Return the points from bin `first` to before `end`, seen at `now`."""
        # Bins in which nothing happened are not kept: the depth stays what it was before.
        before = (part for number, part in reversed(self._bins.items()) if number < first)
        idle = _Bin()
        idle.depth = next((part.depth for part in before), 0)
        points = []
        for number in range(first, end):
            part = self._bins.get(number, idle)
            idle.depth = part.depth
            points.append(part.point(((number + 1) * BIN - now) / 1e9))
        return points

    def overall(self) -> tuple[Percentiles, Percentiles]:
        """Return the percentiles of waiting and of running over the whole run, in seconds."""
        self.refresh()
        with self._lock:
            return self._all.percentiles()

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
