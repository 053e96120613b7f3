"""What the four charts show, as numbers: one picture draws them as SVG, another as a PNG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from taskqueue_edu import facts
from taskqueue_edu.monitor import BIN, Point, Snapshot, duration
from taskqueue_edu.picture import scale
from taskqueue_edu.picture.scale import Axis
from taskqueue_edu.sketch import Percentiles

HALF_SECOND: Final = BIN / 1e9

GAP: Final = 2.0
"""Seconds without a measurement that a line still crosses: few tasks end in half a second."""


class Curve(NamedTuple):
    """A line: values at times in seconds before the end of the chart, which are negative.

    A value in `steps` holds for the half second before its time.
    """

    look: str
    name: str
    value: str
    points: Sequence[tuple[float, float]]
    steps: bool


class Chart(NamedTuple):
    """One chart. `about` is for people who don't see it, `note` stands where nothing is.

    `bound` is a level to draw a line at, if not 0. `peak` is the time and the value of a
    point that is beyond the axis.
    """

    title: str
    axis: Axis
    curves: tuple[Curve, ...]
    about: str
    note: str
    bound: int = 0
    peak: tuple[float, float] | None = None


def charts(snapshot: Snapshot, seconds: float) -> tuple[Chart, Chart, Chart, Chart]:
    """Return the charts of the last `seconds`: throughput, depth, waiting and running time."""
    points = [point for point in snapshot.points if point.at > -seconds]
    last = f"the last {seconds:g} seconds"
    return (
        _throughput(snapshot, points, last),
        _depth(snapshot, points, last),
        _times(
            "Waiting time", snapshot.waiting, points, lambda p: p.waiting, last, "no task started"
        ),
        _times("Running time", snapshot.running, points, lambda p: p.running, last, "no run ended"),
    )


def unbroken(points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Split the points of a line where nothing was measured for more than GAP seconds.

    A point on its own becomes a short line, over the half second that it stands for.
    """
    lines: list[list[tuple[float, float]]] = []
    before = float("-inf")
    for point in points:
        if point[0] - before > GAP:
            lines.append([])
        lines[-1].append(point)
        before = point[0]
    for line in lines:
        if len(line) == 1:
            at, value = line[0]
            line[:] = (at - HALF_SECOND / 2, value), (at + HALF_SECOND / 2, value)
    return lines


def age(snapshot: Snapshot) -> float:
    """Return how long ago the first thing happened that the snapshot shows, in seconds."""
    for point in snapshot.points:
        if point.submitted or point.finished or point.depth:
            return HALF_SECOND - point.at
    runs = (*snapshot.runs, *snapshot.busy)
    return max(((snapshot.at - run.start) / 1e9 for run in runs), default=0.0)


def _throughput(snapshot: Snapshot, points: Sequence[Point], last: str) -> Chart:
    finished = max((point.finished for point in points), default=0.0)
    burst, when = max(((point.submitted, point.at) for point in points), default=(0.0, 0.0))
    # Many tasks submitted at once would press everything else flat: that line leaves the chart.
    highest = max(finished, min(burst, 2 * finished) if finished else burst)
    axis = scale.count_axis(highest, "tasks per second")
    return Chart(
        "Throughput",
        axis,
        (
            Curve(
                "finished",
                "finished",
                f"{scale.number(snapshot.throughput)}/s",
                [(point.at, point.finished) for point in points],
                True,
            ),
            Curve(
                "submitted",
                "submitted",
                f"{scale.number(snapshot.arrivals)}/s",
                [(point.at, point.submitted) for point in points],
                True,
            ),
        ),
        f"Tasks per second in {last}. On average {snapshot.throughput:.1f} finished and "
        f"{snapshot.arrivals:.1f} were submitted.",
        "" if snapshot.totals[facts.SUBMITTED] else "no task yet",
        peak=(when - HALF_SECOND / 2, burst) if burst > axis.top else None,
    )


def _depth(snapshot: Snapshot, points: Sequence[Point], last: str) -> Chart:
    deepest = max(snapshot.depth, *(point.depth for point in points), 0)
    # A bound far above would press the line flat: then it is only named.
    bound = snapshot.maxsize if deepest * 4 >= snapshot.maxsize else 0
    values = [(point.at, float(point.depth)) for point in points]
    about = f"Tasks that wait, in {last}: {snapshot.depth:,} now, {deepest:,} at most"
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
            ),
        ),
        about + (f", {snapshot.maxsize:,} allowed." if snapshot.maxsize else "."),
        "" if snapshot.totals[facts.SUBMITTED] else "no task yet",
        bound,
    )


def _times(
    title: str,
    now: Percentiles,
    points: Sequence[Point],
    pick: Callable[[Point], Percentiles],
    last: str,
    nothing: str,
) -> Chart:
    picked = [(point.at - HALF_SECOND / 2, pick(point)) for point in points]
    measured = [(at, shares) for at, shares in picked if shares.p50 == shares.p50]  # not NaN
    shown = [duration(seconds) for seconds in now]
    return Chart(
        title,
        scale.time_axis(max((shares.p99 for _, shares in measured), default=0.0)),
        tuple(
            Curve(name, name, value, [(at, shares[index]) for at, shares in measured], False)
            for index, (name, value) in enumerate(zip(Percentiles._fields, shown, strict=True))
        ),
        f"In {last}, half of the times were at most {shown[0]}, 95 % at most {shown[1]} and "
        f"99 % at most {shown[2]}.",
        "" if measured else nothing,
    )
