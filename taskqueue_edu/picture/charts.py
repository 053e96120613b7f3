"""What the four charts show, as numbers: one picture draws them as SVG, another as a PNG."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Final, NamedTuple

from taskqueue_edu import facts
from taskqueue_edu.monitor import Point, Snapshot, duration
from taskqueue_edu.picture import scale
from taskqueue_edu.picture.scale import Axis
from taskqueue_edu.sketch import Percentiles

GAP: Final = 4
"""Points without a measurement that a line still crosses: few tasks end in half a second."""


class Piece(NamedTuple):
    """A point of the snapshot, and when it begins: `begin` and `point.at` bound it."""

    begin: float
    point: Point


class Curve(NamedTuple):
    """A line: values at times in seconds before the end of the chart, which are negative.

    A value in `steps` holds since the time of the one before it, the first since `begin`.
    """

    look: str
    name: str
    value: str
    points: Sequence[tuple[float, float]]
    steps: bool
    begin: float = 0.0


class Chart(NamedTuple):
    """One chart. `about` is for people who don't see it, `note` stands where nothing is.

    `bound` is a level to draw a line at, if not 0. `peak` is the time and the value of a
    point that is beyond the axis. `width` is how many seconds a point stands for. `tell` says
    in a few lines what a point shows, as the value of an attribute of HTML.
    """

    title: str
    axis: Axis
    curves: tuple[Curve, ...]
    about: str
    note: str
    width: float
    tell: Callable[[Point], str]
    bound: int = 0
    peak: tuple[float, float] | None = None


def pieces(snapshot: Snapshot, seconds: float) -> list[Piece]:
    """Return the points of the last `seconds`, oldest first."""
    points = snapshot.points
    first = bisect_right(points, -seconds, key=attrgetter("at"))
    shown = points[first:]
    if not shown:
        return []
    begin = -seconds if first else max(shown[0].at - snapshot.width, -seconds)
    return [*map(Piece, [begin, *[point.at for point in shown]], shown)]


def charts(
    snapshot: Snapshot, seconds: float, *, whole: bool = False
) -> tuple[Chart, Chart, Chart, Chart]:
    """Return the charts of the last `seconds`: throughput, depth, waiting and running time.

    `whole`: this is all the time since the first task.
    """
    shown = pieces(snapshot, seconds)
    when = "since the first task" if whole else f"in the last {scale.period(seconds)}"
    return (
        _throughput(snapshot, shown, when),
        _depth(snapshot, shown, when),
        _times("Waiting time", attrgetter("waiting"), snapshot, shown, when, "no task started"),
        _times("Running time", attrgetter("running"), snapshot, shown, when, "no run ended"),
    )


def unbroken(
    points: Sequence[tuple[float, float]], width: float
) -> list[list[tuple[float, float]]]:
    """Split a line where nothing was measured for more than GAP points, `width` seconds each.

    A point on its own becomes a short line, over the time that it stands for.
    """
    lines: list[list[tuple[float, float]]] = []
    before = -math.inf
    for point in points:
        if point[0] - before > GAP * width * (1 + 1e-9):
            lines.append([])
        lines[-1].append(point)
        before = point[0]
    for line in lines:
        if len(line) == 1:
            at, value = line[0]
            line[:] = (at - width / 2, value), (min(at + width / 2, 0.0), value)
    return lines


def age(snapshot: Snapshot) -> float:
    """Return how long ago the first thing happened that the snapshot shows, in seconds.

    It is infinite if all that happened is older, and 0 if nothing has.
    """
    for point in snapshot.points:
        if point.submitted or point.finished or point.depth:
            return snapshot.width - point.at
    runs = (*snapshot.runs, *snapshot.busy)
    if runs:
        return max((snapshot.at - run.start) / 1e9 for run in runs)
    return math.inf if snapshot.totals[facts.SUBMITTED] and not snapshot.depth else 0.0


def _throughput(snapshot: Snapshot, shown: Sequence[Piece], when: str) -> Chart:
    finished = max((point.finished for _, point in shown), default=0.0)
    burst, begin, end = max(
        ((point.submitted, begin, point.at) for begin, point in shown), default=(0.0, 0.0, 0.0)
    )
    # Many tasks submitted at once would press everything else flat: that line leaves the chart.
    highest = max(finished, min(burst, 2 * finished) if finished else burst)
    axis = scale.count_axis(highest, "tasks per second")
    start = shown[0].begin if shown else 0.0
    return Chart(
        "Throughput",
        axis,
        (
            Curve(
                "finished",
                "finished",
                f"{scale.number(snapshot.throughput)}/s",
                [(point.at, point.finished) for _, point in shown],
                True,
                start,
            ),
            Curve(
                "submitted",
                "submitted",
                f"{scale.number(snapshot.arrivals)}/s",
                [(point.at, point.submitted) for _, point in shown],
                True,
                start,
            ),
        ),
        f"Tasks per second {when}. On average {snapshot.throughput:.1f} finished and "
        f"{snapshot.arrivals:.1f} were submitted.",
        "" if snapshot.totals[facts.SUBMITTED] else "no task yet",
        snapshot.width,
        _rates,
        peak=((begin + end) / 2, burst) if burst > axis.top else None,
    )


def _rates(point: Point) -> str:
    return _three_rates(point.finished, point.submitted, point.failed)


# Most points are the same in the next frame.
@lru_cache(1_024)
def _three_rates(finished: float, submitted: float, failed: float) -> str:
    rates = [("finished", finished), ("submitted", submitted)]
    if failed:
        rates.append(("failed", failed))
    return "".join(f"&#10;{name} {scale.number(rate)}/s" for name, rate in rates)


def _depth(snapshot: Snapshot, shown: Sequence[Piece], when: str) -> Chart:
    deepest = max(snapshot.depth, *(point.depth for _, point in shown), 0)
    # A bound far above would press the line flat: then it is only named.
    bound = snapshot.maxsize if deepest * 4 >= snapshot.maxsize else 0
    values = [(point.at, float(point.depth)) for _, point in shown]
    about = f"Tasks that wait, {when}: {snapshot.depth:,} now, {deepest:,} at most"
    return Chart(
        "Queue depth",
        scale.count_axis(max(deepest, bound), "tasks"),
        (
            Curve(
                "depth",
                "waiting",
                f"{snapshot.depth:,}" + (f" of {snapshot.maxsize:,}" if snapshot.maxsize else ""),
                [*values, (0.0, float(snapshot.depth))],
                True,
                shown[0].begin if shown else 0.0,
            ),
        ),
        about + (f", {snapshot.maxsize:,} allowed." if snapshot.maxsize else "."),
        "" if snapshot.totals[facts.SUBMITTED] else "no task yet",
        snapshot.width,
        lambda point: f"&#10;{point.depth:,} waiting",
        bound,
    )


def _times(
    title: str,
    pick: Callable[[Point | Snapshot], Percentiles],
    snapshot: Snapshot,
    shown: Sequence[Piece],
    when: str,
    nothing: str,
) -> Chart:
    picked = [((begin + point.at) / 2, pick(point)) for begin, point in shown]
    measured = [(at, shares) for at, shares in picked if shares.p50 == shares.p50]  # not NaN
    words = [duration(seconds) for seconds in pick(snapshot)]
    return Chart(
        title,
        scale.time_axis(max((shares.p99 for _, shares in measured), default=0.0)),
        tuple(
            Curve(name, name, value, [(at, shares[index]) for at, shares in measured], False)
            for index, (name, value) in enumerate(zip(Percentiles._fields, words, strict=True))
        ),
        f"{when.capitalize()}, half of the times were at most {words[0]}, 95 % at most "
        f"{words[1]} and 99 % at most {words[2]}.",
        "" if measured else nothing,
        snapshot.width,
        lambda point: _shares(pick(point)),
    )


@lru_cache(1_024)
def _shares(shares: Percentiles) -> str:
    if shares.p50 != shares.p50:
        return ""
    return "".join(
        f"&#10;{name} {duration(seconds)}"
        for name, seconds in zip(Percentiles._fields, shares, strict=True)
    )
