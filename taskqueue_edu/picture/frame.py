"""A snapshot as HTML with SVG: the frame of the live monitor, a pure function.

Lines are drawn in a nested SVG that is stretched (`preserveAspectRatio="none"`) with strokes
that are not (`vector-effect`). Letters stand in the margins, where an SVG may draw too
(`overflow: visible`).
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from taskqueue_edu.monitor import Snapshot
from taskqueue_edu.picture import scale
from taskqueue_edu.picture.charts import HALF_SECOND, Chart, Curve, age, charts, unbroken
from taskqueue_edu.picture.lanes import Lanes
from taskqueue_edu.picture.scale import Axis
from taskqueue_edu.picture.svg import note, time_grid
from taskqueue_edu.picture.timeline import draw_workers
from taskqueue_edu.picture.words import counts

HEIGHT: Final = 112
"""Pixels from the bottom to the top of a chart."""


def draw(snapshot: Snapshot, lanes: Lanes) -> str:
    """Return the picture of a snapshot."""
    seconds = scale.span(age(snapshot), snapshot.seconds)
    throughput, depth, waiting, running = (
        _chart(chart, seconds) for chart in charts(snapshot, seconds)
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


def _chart(chart: Chart, seconds: float) -> str:
    axis = chart.axis
    if chart.note:
        body = note(chart.note, HEIGHT)
    else:
        body = _grid(axis, seconds) + _lines(chart.curves, seconds, axis.top)
    legend = "".join(
        _key(f"tq-line tq-{c.look}", c.name if chart.note else f"{c.name} <b>{c.value}</b>")
        for c in chart.curves
    )
    if chart.bound:
        y = HEIGHT - chart.bound / axis.top * HEIGHT
        body += f'<line class="tq-bound" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
        legend += _key("tq-bound", "bound")
    if chart.peak:
        body += _peak(*chart.peak, seconds)
    unit = "" if chart.note else f" <span>{axis.unit}</span>"
    return (
        f'<div class="tq-chart"><div class="tq-head"><b>{chart.title}</b>{unit}'
        f'<div class="tq-legend">{legend}</div></div>'
        f'<svg role="img" height="{HEIGHT}"><title>{chart.title}</title>'
        f"<desc>{escape(chart.about)}</desc>{body}</svg></div>"
    )


def _grid(axis: Axis, seconds: float) -> str:
    shown = time_grid(seconds, HEIGHT)
    for value, label in axis.ticks:
        y = HEIGHT - value / axis.top * HEIGHT
        shown += (
            f'<line x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="tq-end" x="-6" y="{y + 4:.1f}">{label}</text>'
        )
    return f'<g class="tq-grid">{shown}</g>'


def _key(look: str, text: str) -> str:
    """Return an entry of a legend: a piece of the line, and what it means."""
    line = f'<line class="{look}" x1="1" x2="17" y1="5" y2="5"/>'
    return f'<span><svg width="18" height="10">{line}</svg>{text}</span>'


def _lines(curves: Sequence[Curve], seconds: float, top: float) -> str:
    """Return the curves, the first one in front, with x from 0 to 1000."""
    shown = ""
    for look, _, _, points, steps in reversed(curves):
        path = (_steps if steps else _line)(points, seconds, top)
        if look in ("finished", "depth") and path:
            left = path[1 : path.index(" ")]
            shown += f'<path class="tq-area tq-{look}" d="{path}V{HEIGHT}H{left}Z"/>'
        shown += f'<path class="tq-line tq-{look}" d="{path}"/>'
    return (
        f'<svg class="tq-data" width="100%" height="{HEIGHT}" viewBox="0 0 1000 {HEIGHT}" '
        f'preserveAspectRatio="none">{shown}</svg>'
    )


def _steps(points: Sequence[tuple[float, float]], seconds: float, top: float) -> str:
    path = ""
    for at, value in points:
        y = HEIGHT - min(value / top, 1.0) * HEIGHT
        left = max(1000 + (at - HALF_SECOND) / seconds * 1000, 0.0)
        path += f"V{y:.1f}" if path else f"M{left:.1f} {y:.1f}"
        path += f"H{1000 + at / seconds * 1000:.1f}"
    return path


def _line(points: Sequence[tuple[float, float]], seconds: float, top: float) -> str:
    path = ""
    for line in unbroken(points):
        places = [
            f"{max(1000 + at / seconds * 1000, 0):.1f} {HEIGHT - value / top * HEIGHT:.1f}"
            for at, value in line
        ]
        path += "M" + "L".join(places)
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
