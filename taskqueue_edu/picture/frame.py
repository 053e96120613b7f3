"""A snapshot as HTML with SVG: the frame of the live monitor, a pure function.

Lines are drawn in a nested SVG that is stretched (`preserveAspectRatio="none"`) with strokes
that are not (`vector-effect`). Letters stand in the margins, where an SVG may draw too
(`overflow: visible`).

What stands beside the pointer is in the frame too, and CSS shows it. A `<title>` would come after a
while and go with the next frame, five times a second; but the style of what is under the pointer
is found anew before a frame is painted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from html import escape
from typing import Final, NamedTuple

from taskqueue_edu.monitor import Point, Snapshot
from taskqueue_edu.picture import scale
from taskqueue_edu.picture.charts import Chart, Curve, Piece, age, charts, pieces, unbroken
from taskqueue_edu.picture.lanes import Lanes
from taskqueue_edu.picture.scale import Axis
from taskqueue_edu.picture.svg import key, note, time_grid
from taskqueue_edu.picture.timeline import draw_workers
from taskqueue_edu.picture.words import counts

HEIGHT: Final = 112
"""Pixels from the bottom to the top of a chart."""


def draw(snapshot: Snapshot, lanes: Lanes, *, whole: bool = False) -> str:
    """Return the picture of a snapshot. `whole`: it shows all the time since the first task."""
    seconds = snapshot.seconds if whole else scale.span(age(snapshot), snapshot.seconds)
    under = _sides(pieces(snapshot, seconds), seconds, snapshot.width)
    places = _Places(seconds)
    throughput, depth, waiting, running = (
        _chart(chart, under, places) for chart in charts(snapshot, seconds, whole=whole)
    )
    workers = draw_workers(snapshot, Lanes(lanes.names, min(lanes.seconds, seconds)))
    return (
        f'<div class="tq">{_tiles(snapshot)}<div class="tq-charts">'
        f'<div class="tq-pair">{throughput}{depth}</div>'
        f'<div class="tq-pair">{waiting}{running}</div></div>{workers}</div>'
    )


def _tiles(snapshot: Snapshot) -> str:
    shown = ""
    for count, word in counts(snapshot):
        look = "" if count else " tq-zero"
        if count and word == "failed":
            look = " tq-bad"
        shown += f'<div class="tq-tile{look}"><b>{count:,}</b> {word}</div>'
    if snapshot.paused:
        shown += '<div class="tq-paused">paused</div>'
    return f'<div class="tq-tiles">{shown}</div>'


# -- charts


class _Places(dict[float, str]):
    """Where a time before the end is, from 0 to 1000 across. Several lines ask for the same."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __missing__(self, at: float) -> str:
        place = self[at] = f"{max(1000 + at / self.seconds * 1000, 0):.0f}"
        return place


def _chart(chart: Chart, under: Sequence[_Side], places: _Places) -> str:
    axis, seconds = chart.axis, places.seconds
    body = _grid(axis, seconds) + _lines(chart, places) if not chart.note else ""
    legend = "".join(
        key(f"tq-line tq-{c.look}", c.name if chart.note else f"{c.name} <b>{c.value}</b>")
        for c in chart.curves
    )
    if chart.bound:
        y = HEIGHT - chart.bound / axis.top * HEIGHT
        body += f'<line class="tq-bound" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
        legend += key("tq-bound", "bound")
    if chart.peak:
        body += _peak(*chart.peak, seconds)
    body += (
        note(chart.note, HEIGHT)
        if chart.note
        else "".join([_columns(chart.tell, side) for side in under])
    )
    unit = "" if chart.note else f" <span>{axis.unit}</span>"
    return (
        f'<div class="tq-chart"><div class="tq-head"><b>{chart.title}</b>{unit}'
        f'<div class="tq-legend">{legend}</div></div>'
        f'<svg role="img" height="{HEIGHT}"><title>{chart.title}</title>'
        f"<desc>{escape(chart.about)}</desc>{body}</svg></div>"
    )


# Mostly it is the same in the next frame.
@lru_cache(64)
def _grid(axis: Axis, seconds: float) -> str:
    shown = time_grid(seconds, HEIGHT)
    for value, label in axis.ticks:
        y = HEIGHT - value / axis.top * HEIGHT
        shown += (
            f'<line x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="tq-end" x="-6" y="{y + 4:.1f}">{label}</text>'
        )
    return f'<g class="tq-grid">{shown}</g>'


def _lines(chart: Chart, places: _Places) -> str:
    """Return the curves, the first one in front, with x from 0 to 1000."""
    shown = ""
    for curve in reversed(chart.curves):
        if curve.steps:
            path = _steps(curve, places, chart.axis.top)
        else:
            path = _line(unbroken(curve.points, chart.width), places, chart.axis.top)
        if curve.look in ("finished", "depth") and path:
            left = path[1 : path.index(" ")]
            shown += f'<path class="tq-area tq-{curve.look}" d="{path}V{HEIGHT}H{left}Z"/>'
        shown += f'<path class="tq-line tq-{curve.look}" d="{path}"/>'
    return (
        f'<svg class="tq-data" width="100%" height="{HEIGHT}" viewBox="0 0 1000 {HEIGHT}" '
        f'preserveAspectRatio="none">{shown}</svg>'
    )


def _steps(curve: Curve, places: _Places, top: float) -> str:
    if not curve.points:
        return ""
    down = HEIGHT / top
    path = f"M{places[curve.begin]} "
    before = ""
    for at, value in curve.points:
        y = f"{HEIGHT - value * down if value < top else 0:.1f}"
        if y != before:
            path += f"V{y}" if before else y
            before = y
        path += f"H{places[at]}"
    return path


def _line(lines: Sequence[Sequence[tuple[float, float]]], places: _Places, top: float) -> str:
    down = HEIGHT / top
    path = ""
    for line in lines:
        path += "M" + "L".join([f"{places[at]} {HEIGHT - value * down:.1f}" for at, value in line])
    return path


def _peak(at: float, value: float, seconds: float) -> str:
    """Return an arrow where a line leaves the chart, and how far it goes."""
    x = 100 + at / seconds * 100
    side, shift = ("end", -8) if x > 60 else ("start", 8)
    return (
        f'<svg x="{x:.2f}%"><path class="tq-peak" d="M-4 1H4L0-5Z"/>'
        f'<text class="tq-halo tq-{side}" x="{shift}" y="12">{scale.number(value)}/s submitted'
        "</text></svg>"
    )


# -- what stands beside the pointer


class _Side(NamedTuple):
    """The points in one half of a chart, and how long ago each was; lengths are in percent."""

    name: str
    left: float
    width: float
    told: Sequence[tuple[Point, str]]


def _sides(shown: Sequence[Piece], seconds: float, width: float) -> list[_Side]:
    """Return what the pointer can be over. It is the same for all charts."""
    # All have one width: points are left out that the edge cuts, or that have only begun.
    told = [piece for piece in shown if piece.point.at - piece.begin > width * 0.99]
    half = sum([piece.point.at <= -seconds / 2 for piece in told])
    return [
        _Side(
            name,
            100 + some[0].begin / seconds * 100,
            (some[-1].point.at - some[0].begin) / seconds * 100,
            [(point, _ago(-point.at)) for _, point in some],
        )
        for name, some in (("left", told[:half]), ("right", told[half:]))
        if some
    ]


def _columns(tell: Callable[[Point], str], side: _Side) -> str:
    """Return columns that can't be seen, one a point, which tell about it under the pointer."""
    columns = "".join([f'<i data-tell="{ago}{tell(point)}"></i>' for point, ago in side.told])
    return (
        f'<foreignObject x="{side.left:.2f}%" width="{side.width:.2f}%" height="{HEIGHT}">'
        f'<div class="tq-tell tq-{side.name}">{columns}</div></foreignObject>'
    )


def _ago(seconds: float) -> str:
    return f"{seconds:.1f} s ago" if seconds < 60 else f"{scale.period(seconds)} ago"
