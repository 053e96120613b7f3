"""What the queue is doing, folded from the registry's log as it grows."""

from __future__ import annotations

import math
import os
import threading
import weakref
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Self

from taskqueue_edu import facts
from taskqueue_edu.factlog import CODES, Block, Columns, columns, entries, rows, size
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.sketch import Percentiles, Sketch
from taskqueue_edu.source import Source
from taskqueue_edu.task import TaskStatus

if TYPE_CHECKING:
    import pandas as pd

    from taskqueue_edu.plots import Page

BIN: Final = 500_000_000
"""Width of a bin of the time series, in nanoseconds: of the narrowest."""
WIDTHS: Final = tuple(BIN * 4**level for level in range(9))
"""Widths of bins, from half a second to 9 hours. All facts are counted in each of them."""
MOST_POINTS: Final = 240
"""Points in a snapshot: of the widths, it has the narrowest that needs no more."""
_KEPT_BINS: Final = 2 * MOST_POINTS  # of each width
_KEPT_WINDOWS: Final = 8
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
    """A piece of the time series, `Snapshot.width` seconds long.

    `at` is its end, in seconds before the snapshot (so it is negative). Rates are per second;
    latencies in seconds, NaN where nothing ended; `depth` is the number of tasks that wait at
    the end of it.
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

    `throughput` (tasks that ended) and `arrivals` are per second, of the time since the first
    task if that is shorter, but of half a second at least. `waiting` is the time from when a
    task could run until it started, `running` from there until the run ended (unless its worker
    died), both in seconds. `points` are oldest first, `width` seconds each. If that is half a
    second, the newest complete one is the last; if it is more, the one under way. `workers` is
    how many the pool has, or how many were seen, if the pool is not in this process.
    """

    at: int
    seconds: float
    width: float
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

    def point(self, at: float, seconds: float) -> Point:
        """Return what happened within `seconds` as a point."""
        rate = 1 / seconds
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

    def __init__(self) -> None:
        self.first = self.end = 0
        self.sum = _Bin()

    def move(self, bins: dict[int, _Bin], first: int, end: int) -> None:
        """Let it be the window from `first` to before `end`, and sum up what is new to it."""
        if not self.first <= first <= self.end <= end:
            self.first = self.end = first
            self.sum = _Bin()
        for number in range(self.first, first):
            if number in bins:
                self.sum -= bins[number]
        for number in range(self.end, end):
            if number in bins:
                self.sum += bins[number]
        self.first, self.end = first, end


class _Series:
    """All that happened, in bins of one width. Bins in which nothing happened are not kept."""

    def __init__(self, width: int) -> None:
        """`width`: in nanoseconds."""
        self.width = width
        self._bins: dict[int, _Bin] = {}
        self._windows: dict[int, _Window] = {}

    def add(self, part: _Bin, at: int) -> None:
        """Count what happened in the half second that begins `at`."""
        number = at // self.width
        for window in self._windows.values():
            if window.first <= number < window.end:
                window.sum += part
        if number not in self._bins:
            self._bins[number] = _Bin()
        self._bins[number] += part
        while len(self._bins) > _KEPT_BINS:
            oldest = next(iter(self._bins))
            gone = self._bins.pop(oldest)
            for window in self._windows.values():
                if window.first <= oldest < window.end:
                    window.sum -= gone

    def window(self, first: int, end: int) -> _Bin:
        """Return the sum of the bins from number `first` to before `end`."""
        # Those who look again and again do so with the same length.
        window = self._windows.pop(end - first, None) or _Window()
        window.move(self._bins, first, end)
        self._windows[end - first] = window
        if len(self._windows) > _KEPT_WINDOWS:
            del self._windows[next(iter(self._windows))]
        return window.sum

    def points(self, first: int, end: int, now: int) -> list[Point]:
        """Return the points from bin `first` to before `end`, seen at `now`."""
        # The depth stays what it was while nothing happens.
        before = (part for number, part in reversed(self._bins.items()) if number < first)
        idle = _Bin()
        idle.depth = next((part.depth for part in before), 0)
        points = []
        for number in range(first, end):
            part = self._bins.get(number, idle)
            idle.depth = part.depth
            begin = number * self.width - now
            points.append(part.point((begin + self.width) / 1e9, self.width / 1e9))
        return points

    def under_way(self, number: int, now: int) -> Point:
        """Return bin `number`, which has not ended, as a point that does."""
        (point,) = self.points(number, number + 1, now)
        share = max(now - number * self.width, BIN) / self.width
        return point._replace(
            at=0.0,
            submitted=point.submitted / share,
            finished=point.finished / share,
            failed=point.failed / share,
        )


class Monitor:
    """Counts, rates and latencies of a queue, or of a registry read from a journal.

    It reads the log by cursor and folds only what is new, and a snapshot adds and takes away only
    the bins that came and went since the last. So both cost the same however long the queue has
    run. Counts come from the registry itself: they are right even if the monitor was made late.
    """

    def __init__(self, source: TaskQueue | Source, *, history: bool = True) -> None:
        """With `history=False`, rates and latencies leave out the facts from before now."""
        self.queue = source if isinstance(source, TaskQueue) else None
        self.source: Source = source.registry if isinstance(source, TaskQueue) else source
        # Guards all below: several widgets may refresh one monitor.
        self._lock = threading.Lock()
        self._cursor = 0 if history else self.source.log_since(_NEWEST)[1]
        self._first = 0
        self._series = [_Series(width) for width in WIDTHS]
        self._all = _Bin()
        self._runs: tuple[Run, ...] = ()

    @classmethod
    def shared(cls, source: TaskQueue | Source) -> Monitor:
        """Return the monitor that all who watch `source` have in common, while anybody has it."""
        with _sharing:
            monitor = _shared.get(source, lambda: None)()
            if monitor is None:
                monitor = cls(source)
                _shared[source] = weakref.ref(monitor)
            return monitor

    def refresh(self) -> int:
        """Fold the facts since the last refresh; return how many there were."""
        with self._lock:
            blocks, self._cursor, depth = self.source.log_since(self._cursor)
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
            for series in self._series:
                series.add(part, number * BIN)

    def _add_runs(self, blocks: list[Block]) -> None:
        new: list[Run] = []
        for block in reversed(blocks):
            new[:0] = _runs(block)
            if len(new) >= KEPT_RUNS:
                break
        self._runs = (*self._runs, *new)[-KEPT_RUNS:]

    def snapshot(self, seconds: float = 30.0, *, to_now: bool = False) -> Snapshot:
        """Refresh, and return the state now with a time series of the last `seconds`.

        `math.inf` seconds are all since the first fact. With `to_now`, a half second under way
        is a point too, as if nothing more happened in it: for a look back at a run that is over.
        """
        now = self.source.now()  # before the refresh: then no fact up to now is missed
        self.refresh()
        with self._lock:
            whole = seconds == math.inf
            if whole:
                seconds = max(now - (self._first or now), BIN) / 1e9
            series = next(
                (one for one in self._series if seconds * 1e9 <= MOST_POINTS * one.width),
                self._series[-1],
            )
            seconds = min(seconds, MOST_POINTS * series.width / 1e9)
            current = now // series.width
            first = current - max(1, round(seconds * 1e9 / series.width))
            points = series.points(first, current, now)
            if series.width > BIN:
                points.append(series.under_way(current, now))
            elif to_now:
                points += series.points(current, current + 1, current * BIN + BIN)
            total = self._all if whole else series.window(first, current + 1)
            waiting, running = total.percentiles()
            span = max(now - max(self._first or now, first * series.width), BIN) / 1e9
            throughput, arrivals = total.finished / span, total.submitted / span
            since = now - int(seconds * 1e9)
            runs = self._runs[bisect_left(self._runs, since, key=attrgetter("end")) :]
            counts, totals = self.source.counts(), self.source.totals()
            busy = tuple(
                Run(record.worker, record.id, record.type, record.started, 0, "")
                for record in self.source.running()
            )
        pool = self.queue.dispatcher.pool if self.queue is not None else None
        if self.queue is not None:
            workers = pool.workers if pool is not None else 0
        else:
            workers = len({run.worker for run in (*runs, *busy)})
        return Snapshot(
            at=now,
            seconds=seconds,
            width=series.width / 1e9,
            counts=counts,
            totals=totals,
            throughput=throughput,
            arrivals=arrivals,
            waiting=waiting,
            running=running,
            depth=counts[TaskStatus.PENDING],
            maxsize=self.queue.maxsize if self.queue is not None else 0,
            paused=self.queue.paused if self.queue is not None else False,
            workers=workers,
            busy=busy,
            runs=runs,
            points=tuple(points),
        )

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
        Facts, in order: `at` (datetime64[ns, UTC]), `kind`, `who` (category), `id` (str); `since`
        (datetime64[ns, UTC]): of what starts a run, when the task could run; of what ends one,
        when it started; else NaT.
        """
        from taskqueue_edu.frames import fact_frame, task_frame

        if what == "facts":
            return fact_frame(rows(self.source.log_since(0)[0]))
        return task_frame(self.source.records())

    def save(self, path: str | os.PathLike[str]) -> int:
        """Write the log to a new file, which LiveMonitor.replay plays; return how many facts.

        It has no arguments and no results of tasks. Raises StorageError.
        """
        from taskqueue_edu.recording import save_log

        return save_log(self.source, path)

    def plot(self) -> Page:
        """Return a matplotlib figure of the run, for a report; see `taskqueue_edu.plots`.

        A notebook shows it as the last value of a cell, `savefig` writes it to a file, and its
        `alt` says the same in words. Of a journal, it shows what came after the last pause of
        10 minutes; its heading says how many facts that leaves out.
        """
        import pandas as pd

        from taskqueue_edu.plots import latest, page

        total = sum(self.source.totals().values())
        facts = latest(self.to_frame("facts"))
        return page(
            facts,
            until=pd.Timestamp(self.source.now(), unit="ns", tz="UTC"),
            maxsize=self.queue.maxsize if self.queue is not None else 0,
            left_out=max(total - len(facts), 0),
        )

    def summary(self) -> str:
        """Return a few lines of text: counts, and percentiles over the whole run."""
        waiting, running = self.overall()
        counts = self.source.counts()
        shown = ", ".join(f"{n:,} {status}" for status, n in counts.items() if n) or "no tasks"
        lines = [f"tasks: {shown}"]
        for name, value in (("waiting", waiting), ("running", running)):
            if value.p50 == value.p50:
                lines.append(
                    f"{name}: p50 {duration(value.p50)}, p95 {duration(value.p95)}, "
                    f"p99 {duration(value.p99)}"
                )
        return "\n".join(lines)


_sharing: Final = threading.Lock()  # Guards `_shared`.
_shared: Final[weakref.WeakKeyDictionary[TaskQueue | Source, weakref.ref[Monitor]]] = (
    weakref.WeakKeyDictionary()
)


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
