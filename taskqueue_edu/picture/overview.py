"""The whole run in a strip, with the part marked that the picture shows."""

from __future__ import annotations

from html import escape
from typing import Final

from taskqueue_edu.monitor import Snapshot
from taskqueue_edu.picture import scale
from taskqueue_edu.picture.charts import pieces
from taskqueue_edu.picture.svg import key

HEIGHT: Final = 34
"""Pixels from the bottom of the strip to its top."""


def draw_overview(whole: Snapshot, window: float) -> str:
    """Return the strip of a snapshot of the whole run; the last `window` seconds are marked."""
    seconds = whole.seconds
    shown = pieces(whole, seconds)
    fastest = max((point.finished for _, point in shown), default=0.0)
    deepest = max(whole.depth, *(point.depth for _, point in shown), 0)
    across = 1000 / seconds
    left = 1000 + shown[0].begin * across if shown else 0.0
    rates = depths = f"M{left:.1f} {HEIGHT}"
    for _, point in shown:
        x = 1000 + point.at * across
        rates += f"V{HEIGHT - point.finished / (fastest or 1) * HEIGHT:.1f}H{x:.1f}"
        depths += f"V{HEIGHT - point.depth / (deepest or 1) * HEIGHT:.1f}H{x:.1f}"
    depths += f"V{HEIGHT - whole.depth / (deepest or 1) * HEIGHT:.1f}H1000"
    marked = min(window / seconds, 1.0) * 100
    age = scale.period(max(round(seconds), 1))
    part = "all of it" if window >= seconds else f"the last {scale.period(window)}"
    about = (
        f"The {age} since the first task: up to {scale.number(fastest)} tasks finished per "
        f"second, and up to {deepest:,} waited. The charts show {part}."
    )
    return (
        '<div class="tq tq-overview"><div class="tq-head"><b>Whole run</b> '
        f'<span>{age}</span><div class="tq-legend">'
        f"{key('tq-line tq-finished', f'finished, up to <b>{scale.number(fastest)}/s</b>')}"
        f"{key('tq-line tq-depth tq-dashed', f'waiting, up to <b>{deepest:,}</b>')}"
        f'<span><i class="tq-marked"></i>shown: {part}</span></div></div>'
        f'<svg role="img" height="{HEIGHT}"><title>Whole run</title>'
        f"<desc>{escape(about)}</desc>"
        f'<rect class="tq-window" x="{100 - marked:.2f}%" width="{marked:.2f}%" '
        f'y="-2" height="{HEIGHT + 4}"/>'
        f'<g class="tq-grid"><line x2="100%" y1="{HEIGHT}" y2="{HEIGHT}"/></g>'
        f'<svg class="tq-data" width="100%" height="{HEIGHT}" viewBox="0 0 1000 {HEIGHT}" '
        f'preserveAspectRatio="none"><path class="tq-area tq-finished" d="{rates}V{HEIGHT}Z"/>'
        f'<path class="tq-line tq-finished" d="{rates}"/>'
        f'<path class="tq-line tq-depth tq-dashed" d="{depths}"/></svg></svg></div>'
    )
