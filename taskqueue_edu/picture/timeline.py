"""The lanes of the workers, as HTML with SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from taskqueue_edu.monitor import Run, Snapshot, duration
from taskqueue_edu.picture.lanes import MARKS, MOST, WORDS, Bar, Lanes, bars, label, marks, short
from taskqueue_edu.picture.svg import note, time_grid

LANE: Final = 28
"""Pixels from one worker to the next."""


def draw_workers(snapshot: Snapshot, shown: Lanes) -> str:
    """Return the lanes with their heading and legend."""
    seconds = shown.seconds
    lanes, ended = bars(snapshot.runs, snapshot.at, seconds)
    busy = {run.worker: run for run in snapshot.busy}
    names = shown.names[:MOST]
    height = LANE * max(len(names), 2)
    if names:
        head = f"{len(busy)} of {max(snapshot.workers, len(busy))} busy"
        body = f'<g class="tq-grid">{time_grid(seconds, height)}</g>' + "".join(
            _lane(LANE * place, name, lanes.get(name, []), busy.get(name), snapshot.at, seconds)
            for place, name in enumerate(names)
        )
    else:
        head, body = "", note("no worker yet", height)
    if len(shown.names) > MOST:
        head += f", {len(shown.names) - MOST} more not shown"
    listed = ", ".join(f"{n:,} {WORDS[kind]}" for kind, n in ended.items()) or "none"
    return (
        f'<div class="tq-chart tq-workers"><div class="tq-head"><b>Workers</b> <span>{head}</span>'
        f'<div class="tq-legend">{_LEGEND}</div></div>'
        f'<svg role="img" height="{height}"><title>Workers</title>'
        f"<desc>What each worker ran in the last {seconds:g} seconds. Runs that ended: {listed}. "
        f"Runs in progress: {len(busy)}.</desc>{body}</svg></div>"
    )


def _lane(y: int, name: str, lane: Sequence[Bar], run: Run | None, at: int, seconds: float) -> str:
    """Return a lane: the worker's name, its runs, and in words what it runs now."""
    parts = [f'<svg y="{y}" height="{LANE}"><line class="tq-lane" x2="100%" y1="18" y2="18"/>']
    parts.append(f'<text class="tq-end" x="-8" y="22">{escape(label(name))}</text>')
    for kind, left, right in lane:
        if kind == "stopped":
            parts.append(_rectangle(kind, left, right))
        else:
            where = f'x1="{left:.2f}%" x2="{right:.2f}%"'
            parts.append(f'<line class="tq-{kind}" {where} y1="18" y2="18"/>')
    for x, kind in marks(lane, at, seconds):
        parts.append(f'<svg x="{x:.2f}%" y="6">{_MARK[kind]}</svg>')
    if run is None:
        parts.append('<svg x="100%"><text class="tq-idle" x="8" y="22">idle</text></svg>')
    else:
        took = max(at - run.start, 0) / 1e9
        parts.append(_rectangle("running", max(100 - took / seconds * 100, 0.0), 100.0))
        what = escape(short(run.type.rpartition(".")[2], 10))
        words = f"{what} <tspan>{duration(took)}</tspan>"
        parts.append(f'<svg x="100%"><text x="8" y="22">{words}</text></svg>')
    return "".join(parts) + "</svg>"


def _rectangle(kind: str, left: float, right: float) -> str:
    where = f'x="{left:.2f}%" width="{right - left:.2f}%"'
    return f'<rect class="tq-{kind}" {where} y="13.5" height="9"/>'


def _mark(kind: str) -> str:
    path = "".join("M" + " ".join(f"{x:.1f} {y:.1f}" for x, y in line) for line in MARKS[kind])
    return f'<path class="tq-halo" d="{path}"/><path class="tq-mark-{kind}" d="{path}"/>'


_MARK: Final = {kind: _mark(kind) for kind in MARKS}


def _worker_key(kind: str) -> str:
    if kind in ("running", "stopped"):
        bar = f'<rect class="tq-{kind}" x="1" width="16" y="2.5" height="9"/>'
    else:
        bar = f'<line class="tq-{kind}" x1="1" x2="17" y1="7" y2="7"/>'
    mark = f'<svg x="24" y="7">{_MARK[kind]}</svg>' if kind in MARKS else ""
    width = 30 if mark else 18
    return f'<span><svg width="{width}" height="14">{bar}{mark}</svg>{WORDS[kind]}</span>'


_LEGEND: Final = "".join(map(_worker_key, WORDS))
