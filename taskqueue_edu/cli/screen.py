"""A snapshot as lines of a terminal: as much of it as there is room for, the important first."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from statistics import fmean
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.text import Text

from taskqueue_edu.cli import output
from taskqueue_edu.monitor import Point, Run, Snapshot, duration
from taskqueue_edu.picture import words
from taskqueue_edu.picture.lanes import KINDS, natural
from taskqueue_edu.sketch import Percentiles

BARS: Final = " ▁▂▃▄▅▆▇█"
ASCII: Final = " _.:-=+*#"
MARKS: Final = {"succeeded": ".", "failed": "X", "retried": "r", "crashed": "!", "stopped": "-"}
"""How a run ended, on a worker's line."""
_LEGEND: Final = "  ".join(f"{mark} {kind}" for kind, mark in MARKS.items())

_STYLES: Final = {"failed": "red", "retried": "yellow", "crashed": "bold magenta"}
_STYLES_OF_COUNTS: Final = {
    "running": "cyan",
    "succeeded": "green",
    "failed": "bold red",
    "retry": "yellow",
    "retries": "yellow",
    "crash": "bold magenta",
    "crashes": "bold magenta",
}
_LABEL: Final = 9  # columns
_ROOMY: Final = 20  # lines from which on there are empty ones between the parts
_TALL: Final = 30  # lines from which on a curve is two lines high
_TALLER: Final = 42  # and three
_LEAST: Final = 12  # columns of a curve; for less, numbers go
_NUMBER: Final = len("p95 1.23 ms")
_FAILURES: Final = 4  # lines, heading included, that workers leave to failures if there are 8


class Failure(NamedTuple):
    """A run that did not go well: when it ended (ns since 1970), how, and what it said."""

    at: int
    kind: str
    """"failed", "retried" or "crashed"."""
    task_id: str
    type: str
    why: str


@dataclass(frozen=True, slots=True)
class View:
    """What the screen shows. `owner` is "" if nobody is at work; `failures` are newest first."""

    folder: str
    snapshot: Snapshot
    owner: str = ""
    inbox: int = 0
    failures: Sequence[Failure] = field(default=())


def screen(view: View, width: int, height: int, *, ascii_only: bool = False) -> list[Text]:
    """Return lines of `width` columns at most, and `height` of them at most.

    What comes first is what stays when the terminal is low: who is at work, the counts, the
    curves, the workers, the failures.
    """
    gap = [Text()] if height >= _ROOMY else []
    rows = 1 if ascii_only else 1 + (height >= _TALL) + (height >= _TALLER)
    bars = ASCII if ascii_only else BARS
    lines = [_head(view), *_counts(view, width), *gap, *_curves(view.snapshot, width, rows, bars)]
    room = height - len(lines) - len(gap)
    workers, failures = _workers(view, width), _failures(view, width)
    if failures and room >= 2 * _FAILURES:
        kept = max(room - len(workers), _FAILURES)
        failures = gap + failures[: kept - len(gap)]
        room -= len(failures)
    else:
        failures = []
    lines += gap + _first(workers, room) + failures
    for line in lines:
        line.truncate(width, overflow="crop" if ascii_only else "ellipsis")
    return lines[:height]


def plain(text: str) -> str:
    """Return text of others on one line, with control characters spelled out."""
    return output.plain(" ".join(text.split()))


def _first(lines: list[Text], room: int) -> list[Text]:
    """Return the first lines below a heading, and how many more there are if that is not all."""
    if len(lines) <= room or room < 3:
        return lines[:room]
    return [*lines[: room - 1], Text(f"... and {len(lines) - room + 1:,} more", "dim")]


def _head(view: View) -> Text:
    head = Text(plain(view.folder), "bold")
    if view.owner:
        head.append(f"  at work: {plain(view.owner)}", "not bold")
    else:
        head.append("  nobody is at work", "not bold yellow")
        if view.snapshot.depth:
            head.append(f": taskqueue work {plain(view.folder)} runs what waits", "not bold")
    return head


def _counts(view: View, width: int) -> list[Text]:
    """Return the counts on as many lines as they need; those that are 0 are dim."""
    parts = []
    for n, word in words.counts(view.snapshot):
        part = Text(f"{n:,} ", style=_STYLES_OF_COUNTS.get(word, "bold") if n else "dim")
        part.append(word)
        if word == "waiting" and view.inbox:
            part.append(f" ({view.inbox:,} in the inbox)")
        parts.append(part)
    lines = [parts[0]]
    for part in parts[1:]:
        if lines[-1].cell_len + 3 + part.cell_len <= width:
            lines[-1] = Text.assemble(lines[-1], "   ", part)
        else:
            lines.append(part)
    return lines


def _curves(snapshot: Snapshot, width: int, rows: int, bars: str) -> list[Text]:
    """Return what happened over the window: a curve each, with its numbers at the right."""
    points = snapshot.points
    depth = max((point.depth for point in points), default=0)
    fastest = max((point.finished for point in points), default=0.0)
    curves: list[tuple[str, str, list[str], list[float]]] = [
        (
            "finished",
            "cyan",
            [f"{snapshot.throughput:,.1f}/s", f"peak {fastest:,.0f}/s"],
            [point.finished for point in points],
        ),
        ("waiting", "yellow", *_latency(snapshot.waiting, points, lambda point: point.waiting)),
        ("running", "magenta", *_latency(snapshot.running, points, lambda point: point.running)),
        (
            "depth",
            "blue",
            [f"{snapshot.depth:,}", f"peak {max(depth, snapshot.depth):,}"],
            [float(point.depth) for point in points],
        ),
    ]
    # The columns of numbers keep their width while the numbers change: nothing jumps.
    numbers_of = [numbers for _, _, numbers, _ in curves]
    widths = [
        max(_NUMBER, *map(cell_len, some)) + 2 for some in zip_longest(*numbers_of, fillvalue="")
    ]
    while len(widths) > 1 and width - _LABEL - sum(widths) < _LEAST:
        del widths[-1]
    columns = max(width - _LABEL - sum(widths), 0)
    first = round(snapshot.at / 1e9 / snapshot.width) if snapshot.width else 0
    lines = []
    for name, style, numbers, values in curves:
        for number, shown in enumerate(sparkline(_fitted(values, columns, first), rows, bars)):
            last = number == rows - 1
            line = Text(name.ljust(_LABEL) if last else " " * _LABEL)
            line.append(shown.ljust(columns), style)
            if last:
                told = zip(numbers, widths, strict=False)
                line.append("".join(f"  {text}".ljust(room) for text, room in told).rstrip())
            lines.append(line)
    span = f"last {duration(snapshot.seconds)}"
    return [*lines, Text(" " * _LABEL + span.rjust(columns)[:columns], "dim")]


def _latency(
    all_of_it: Percentiles, points: Sequence[Point], of: Callable[[Point], Percentiles]
) -> tuple[list[str], list[float]]:
    # p95 first: where there is room for one number only, it is the one that the curve shows.
    numbers = [
        f"p95 {duration(all_of_it.p95)}",
        f"p50 {duration(all_of_it.p50)}",
        f"p99 {duration(all_of_it.p99)}",
    ]
    return numbers, [of(point).p95 for point in points]


def _fitted(values: list[float], columns: int, first: int) -> list[float]:
    """Return a value for each column: the mean of some where there are more values than columns.

    `first` counts the points since ever: groups begin at fixed points of time, else the curve
    would flicker as it moves.
    """
    if not values or not columns:
        return []
    size = math.ceil(len(values) / columns)
    groups: dict[int, list[float]] = {}
    for number, value in enumerate(values, first - len(values)):
        groups.setdefault(number // size, []).append(value)
    means = [fmean([v for v in some if v == v] or [math.nan]) for some in groups.values()]
    return [means[column * len(means) // columns] for column in range(columns)]


def sparkline(values: Sequence[float], rows: int = 1, bars: str = BARS) -> list[str]:
    """Return `rows` lines of bars, from 0 to the greatest value. NaN has none; 0 has a low one.

    The highest bar ends below the top of its line, apart from the curve above it.
    """
    top = max((value for value in values if value == value), default=0.0)
    steps = 8 * rows - 1
    levels = [
        0 if value != value else max(1, round(value / top * steps)) if top > 0 else 1
        for value in values
    ]
    return [
        "".join(bars[min(max(level - 8 * below, 0), 8)] for level in levels)
        for below in reversed(range(rows))
    ]


def _workers(view: View, width: int) -> list[Text]:
    """Return a heading, and a line for each worker: what it runs, and how its last runs ended."""
    snapshot = view.snapshot
    busy = {run.worker: run for run in snapshot.busy}
    ended: dict[str, list[Run]] = {}
    for run in snapshot.runs:
        ended.setdefault(run.worker, []).append(run)
    names = sorted({*busy, *ended}, key=natural)
    if not names:
        return [Text("No worker has run a task in this time.", "dim")]
    head = Text(words.plural(len(names), "worker"), "bold")
    if view.owner:
        head.append(f", {len(busy):,} busy", "not bold")
    elif busy:
        head.append(f"; {len(busy):,} at work when the process ended", "not bold yellow")
    if head.cell_len + 3 + len(_LEGEND) <= width:
        head.append(" " * (width - head.cell_len - len(_LEGEND)) + _LEGEND, "not bold dim")
    label = min(max(cell_len(plain(name)) for name in names) + 2, width // 3)
    strip = (width - label) // 3
    return [
        head,
        *(
            _worker(name, busy.get(name), ended.get(name, []), snapshot.at, label, strip, width)
            for name in names
        ),
    ]


def _worker(
    name: str, run: Run | None, ended: list[Run], now: int, label: int, strip: int, width: int
) -> Text:
    line = Text(plain(name))
    line.truncate(label - 1, overflow="ellipsis", pad=False)
    line.pad_right(label - line.cell_len)
    if run is None:
        doing = Text("idle", "dim")
    else:
        took = duration(max(now - run.start, 0) / 1e9)
        doing = Text.assemble((f"{took:>7}", "cyan"), f"  {plain(run.type)} ")
        doing.append(plain(run.task_id), "dim")
    room = width - label - strip - 2
    doing.truncate(room, overflow="ellipsis", pad=True)
    marks = Text()
    for each in ended[-strip:]:
        kind = KINDS[each.outcome]
        marks.append(MARKS[kind], _STYLES.get(kind, "dim"))
    marks.pad_left(strip - marks.cell_len)
    return Text.assemble(line, doing, "  ", marks)


def _failures(view: View, width: int) -> list[Text]:
    """Return a heading, and a line for each of the last failures, newest first."""
    if not view.failures:
        return []
    kinds = Counter(failure.kind for failure in view.failures)
    lines = [Text("Last failures", "bold")]
    types = max(cell_len(plain(failure.type)) for failure in view.failures)
    for at, kind, task_id, type_, why in view.failures:
        # The hour is the reader's, as in `taskqueue status`.
        clock = time.strftime("%H:%M:%S", time.localtime(at / 1e9))
        line = Text(f"{clock}  ")
        line.append(kind.ljust(max(map(len, kinds))), _STYLES[kind])
        about = Text(f"  {plain(type_)}")
        about.truncate(min(types, width // 5) + 2, overflow="ellipsis", pad=True)
        line.append_text(about)
        if width >= 100:
            line.append(f"  {plain(task_id)}", "dim")
        line.append(f"  {plain(why)}")
        lines.append(line)
    return lines
