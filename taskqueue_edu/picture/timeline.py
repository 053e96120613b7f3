"""The lanes of the workers, as HTML with SVG."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import Final

from taskqueue_edu.monitor import KEPT_RUNS, Run, Snapshot, duration
from taskqueue_edu.picture import scale
from taskqueue_edu.picture.lanes import (
    KINDS,
    MARKS,
    MOST,
    WORDS,
    Bar,
    Lanes,
    bars,
    label,
    marks,
    short,
)
from taskqueue_edu.picture.svg import note, time_grid

LANE: Final = 28
"""Pixels from one worker to the next."""

READABLE: Final = 1.0
"""Seconds that lanes look back, at least, for a bar to have words: else it is gone before they can
be read."""


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
    about = (
        f"What each worker ran in the last {scale.period(seconds)}. "
        f"Runs that ended: {listed}. Runs in progress: {len(busy)}."
    )
    return (
        f'<div class="tq-chart tq-workers"><div class="tq-head"><b>Workers</b> <span>{head}</span>'
        f'<div class="tq-legend">{_LEGEND}</div></div>'
        f'<svg role="img" height="{height}"><title>Workers</title>'
        f"<desc>{about}</desc>{_MARKS}{body}</svg></div>"
    )


def _lane(y: int, name: str, lane: Sequence[Bar], run: Run | None, at: int, seconds: float) -> str:
    """Return a lane: the worker's name, its runs, and in words what it runs now."""
    parts = [f'<svg y="{y + 18}"><line class="tq-lane" x2="100%"/>']
    parts.append(f'<text class="tq-end" x="-8" y="4">{escape(label(name))}</text>')
    parts += [
        f'<use href="#tq-mark-{kind}" x="{x:.2f}%" y="-12"/>'
        for x, kind in marks(lane, at, seconds)
    ]
    parts.append('<g class="tq-bars">')
    for kind, left, right, one, runs in lane:
        if kind == "stopped":
            parts.append(_rectangle(kind, left, right))
        else:
            parts.append(f'<line class="tq-{kind}" x1="{left:.2f}%" x2="{right:.2f}%"/>')
        if seconds >= READABLE:
            parts.append(tell(one) if runs == 1 else _told(f"{runs} runs, {WORDS[kind]}"))
    if run is None:
        parts.append('</g><svg x="100%"><text class="tq-idle" x="8" y="4">idle</text></svg>')
    else:
        took = duration(max(at - run.start, 0) / 1e9)
        left = max(100 - (at - run.start) / seconds / 1e7, 0.0)
        what = escape(short(run.type.rpartition(".")[2], 10))
        parts += (
            _rectangle("running", min(left, 100.0), 100.0),
            _told(f"{_task(run)}: {took}, running"),
            f'</g><svg x="100%"><text x="8" y="4">{what} <tspan>{took}</tspan></text></svg>',
        )
    return "".join(parts) + "</svg>"


def _told(text: str) -> str:
    """Return what is there while the pointer is on the bar before it."""
    return f'<text x="50%" y="-9">{text}</text>'


# Most runs are the same in the next frame.
@lru_cache(2 * KEPT_RUNS)
def tell(run: Run) -> str:
    """Tell which task a run that ended was of, how long it took, and how it ended."""
    took = duration(max(run.end - run.start, 0) / 1e9)
    return _told(f"{_task(run)}: {took}, {WORDS[KINDS[run.outcome]]}")


def _task(run: Run) -> str:
    return escape(f"{short(run.type.rpartition('.')[2], 30)} {short(run.task_id, 40)}")


def _rectangle(kind: str, left: float, right: float) -> str:
    where = f'x="{left:.2f}%" width="{right - left:.2f}%"'
    return f'<rect class="tq-{kind}" {where} y="-4.5" height="9"/>'


def _mark(kind: str) -> str:
    path = "".join("M" + " ".join(f"{x:.1f} {y:.1f}" for x, y in line) for line in MARKS[kind])
    return (
        f'<g id="tq-mark-{kind}"><path class="tq-halo" d="{path}"/>'
        f'<path class="tq-mark-{kind}" d="{path}"/></g>'
    )


def _worker_key(kind: str) -> str:
    if kind in ("running", "stopped"):
        bar = f'<rect class="tq-{kind}" x="1" width="16" y="2.5" height="9"/>'
    else:
        bar = f'<line class="tq-{kind}" x1="1" x2="17" y1="7" y2="7"/>'
    mark = f'<use href="#tq-mark-{kind}" x="24" y="7"/>' if kind in MARKS else ""
    width = 30 if mark else 18
    return f'<span><svg width="{width}" height="14">{bar}{mark}</svg>{WORDS[kind]}</span>'


_MARKS: Final = f"<defs>{''.join(map(_mark, MARKS))}</defs>"
_LEGEND: Final = "".join(map(_worker_key, WORDS))
