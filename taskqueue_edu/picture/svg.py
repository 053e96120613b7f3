"""Pieces of SVG that the charts and the lanes share.

Lengths across are in percent and lengths down in pixels, so a picture follows the width of the
notebook while letters, dashes and marks keep their size, without JavaScript.
"""

from __future__ import annotations

from functools import lru_cache

from taskqueue_edu.picture import scale


def note(text: str, height: float) -> str:
    """Return what stands in an empty chart."""
    return (
        f'<g class="tq-grid"><line x2="100%" y1="{height}" y2="{height}"/></g>'
        f'<text class="tq-note tq-middle" x="50%" y="{height / 2 + 4:.0f}">{text}</text>'
    )


# Mostly it is the same in the next frame.
@lru_cache(64)
def time_grid(seconds: float, height: float) -> str:
    """Return the lines and labels of the time axis, which ends now."""
    shown = ""
    (_, *ticks) = scale.clock_axis(seconds).ticks
    for before, label in ((0.0, "now"), *ticks):
        x = 100 - before / seconds * 100
        side = "end" if x > 99 else "start" if x < 1 else "middle"
        shown += (
            f'<line x1="{x:.2f}%" x2="{x:.2f}%" y2="{height}"/>'
            f'<text class="tq-{side}" x="{x:.2f}%" y="{height + 15}">{label}</text>'
        )
    return shown


def key(look: str, text: str) -> str:
    """Return an entry of a legend: a piece of the line, and what it means."""
    line = f'<line class="{look}" x1="1" x2="17" y1="5" y2="5"/>'
    return f'<span><svg width="18" height="10">{line}</svg>{text}</span>'
