"""A snapshot as lines of text, as many and as wide as a terminal has place for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions
from rich.text import Text

from taskqueue_edu.cli.output import plain
from taskqueue_edu.monitor import Point, Snapshot, duration
from taskqueue_edu.picture.charts import age
from taskqueue_edu.picture.lanes import natural
from taskqueue_edu.picture.scale import number, span
from taskqueue_edu.picture.words import counts
from taskqueue_edu.sketch import Percentiles

_BARS: Final = "▁▂▃▄▅▆▇█"
_ASCII: Final = "_.:-=+*#"
_ALWAYS: Final = ("waiting", "running", "succeeded", "failed")  # the others if there are any
_BAD: Final = ("failed", "crash", "crashes")
_LABEL: Final = 11  # columns before a line of bars
_NARROW: Final = 44  # columns below which a line of bars says too little
_WORKERS: Final = 8  # lines for workers if there are also failures to show


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that failed, and why."""

    task_id: str
    type: str
    why: str


@dataclass(frozen=True, slots=True)
class Screen:
    """What `taskqueue watch` shows. It is as large as the terminal is when it is drawn."""

    title: str
    snapshot: Snapshot
    failures: Sequence[Failure]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Yield the lines. What has no place is left out from the bottom up."""
        width, height = options.max_width, options.height or console.height
        bars = _ASCII if options.ascii_only else _BARS
        lines = [*self._head(), *self._rates(width, bars), *self._lists(height)]
        for line in lines[:height]:
            line.truncate(width, overflow="crop" if options.ascii_only else "ellipsis")
            line.no_wrap = True
            yield line

    def _head(self) -> Iterator[Text]:
        snapshot = self.snapshot
        yield Text.assemble(
            (plain(self.title), "bold"), f"  the last {duration(_seconds(snapshot))}"
        )
        told = Text()
        for count, word in counts(snapshot):
            if count or word in _ALWAYS:
                told.append(f"{count:,}", "bold red" if count and word in _BAD else "bold")
                told.append(f" {word}  ")
        yield told

    def _rates(self, width: int, bars: str) -> Iterator[Text]:
        snapshot = self.snapshot
        draw = _Drawing(snapshot, width - _LABEL if width >= _NARROW else 0, bars)
        yield Text()
        yield _said("finished", f"{number(snapshot.throughput)}/s")
        yield from draw.line(lambda point: point.finished, "blue", _rate)
        yield _said("submitted", f"{number(snapshot.arrivals)}/s")
        yield from draw.line(lambda point: point.submitted, "default", _rate)
        yield _said("depth", f"{snapshot.depth:,}")
        yield from draw.line(lambda point: float(point.depth), "magenta", number)
        for name, now in (("waiting", snapshot.waiting), ("running", snapshot.running)):
            yield _said(name, _shares(now))
            yield from draw.times(name)

    def _lists(self, height: int) -> Iterator[Text]:
        snapshot = self.snapshot
        many = f"{len(snapshot.busy)} of {max(snapshot.workers, len(snapshot.busy))} busy"
        if not snapshot.workers and snapshot.depth:
            many = f"none: taskqueue work {plain(self.title)} runs what waits"
        yield Text()
        yield _said("workers", many)
        most = _WORKERS if self.failures else height
        for run in sorted(snapshot.busy, key=lambda run: natural(run.worker))[:most]:
            took = duration((snapshot.at - run.start) / 1e9)
            yield Text(f"  {plain(run.worker):<12.12} {took:>8}  {plain(run.type)}  {run.task_id}")
        if len(snapshot.busy) > most:
            yield Text(f"  and {len(snapshot.busy) - most} more", "dim")
        if self.failures:
            yield Text()
            yield _said("failed", "the last ones, the newest first")
        for failure in self.failures:
            where = f"  {failure.task_id}  {plain(failure.type)}  "
            yield Text.assemble(("x", "bold red"), where, plain(failure.why))


def _seconds(snapshot: Snapshot) -> float:
    """Return how far to look back: a young run would be a few columns on the right."""
    return span(age(snapshot), snapshot.seconds)


def _rate(value: float) -> str:
    return f"{number(value)}/s"


def _said(label: str, text: str) -> Text:
    return Text.assemble((f"{label:<{_LABEL}}", "bold"), text)


def _shares(shares: Percentiles) -> str:
    return "   ".join(f"{name} {duration(value)}" for name, value in shares._asdict().items())


class _Drawing:
    """Lines of bars: a column for each piece of time, the newest on the right."""

    def __init__(self, snapshot: Snapshot, columns: int, bars: str) -> None:
        self._columns = max(min(columns - 13, 120), 0)  # 13 for what the highest bar stands for
        self._bars = bars
        self._places: list[list[Point]] = [[] for _ in range(self._columns)]
        for point in snapshot.points:
            middle = 1 + (point.at - snapshot.width / 2) / _seconds(snapshot)
            place = int(middle * self._columns)
            if 0 <= place < self._columns:
                self._places[place].append(point)

    def line(
        self, pick: Callable[[Point], float], color: str, name: Callable[[float], str]
    ) -> Iterator[Text]:
        """Yield a line of bars, if there is place for one. A column shows its highest point."""
        if not self._columns:
            return
        values = [
            max((v for v in map(pick, points) if not math.isnan(v)), default=math.nan)
            for points in self._places
        ]
        # Points may be wider than columns: between two of them, the one before holds.
        for place in range(1, self._columns):
            if not self._places[place]:
                values[place] = values[place - 1]
        top = max((value for value in values if not math.isnan(value)), default=0.0)
        shown = "".join(self._bar(value, top) for value in values)
        highest = f" {name(top)}" if top else ""
        yield Text.assemble(" " * _LABEL, (shown, color), (highest, "dim"))

    def times(self, name: str) -> Iterator[Text]:
        """Return a line of bars for the 95th percentile of the waiting or the running time."""
        return self.line(
            lambda point: getattr(point, name).p95, "yellow", lambda top: f"p95 {duration(top)}"
        )

    def _bar(self, value: float, top: float) -> str:
        if math.isnan(value):
            return " "
        share = value / top if top else 0.0
        return self._bars[min(int(share * len(self._bars)), len(self._bars) - 1)]
