"""A snapshot as HTML with SVG: pure functions from numbers to text.

Lengths across are in percent and lengths down in pixels, so a chart follows the width of the
notebook while letters, dashes and marks keep their size, without JavaScript. Lines are drawn in
a nested SVG that is stretched (`preserveAspectRatio="none"`) with strokes that are not
(`vector-effect`). Letters stand in the margins, where an SVG may draw too (`overflow: visible`).
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from taskqueue_edu import facts
from taskqueue_edu.monitor import Run, Snapshot, duration
from taskqueue_edu.task import TaskStatus
from taskqueue_edu.widgets import scale
from taskqueue_edu.widgets.charts import GAP, HALF_SECOND, Chart, Curve, age, charts
from taskqueue_edu.widgets.lanes import MARKS, MOST, WORDS, Bar, bars, marks

HEIGHT: Final = 112
"""Pixels from the bottom to the top of a chart."""

LANE: Final = 28
"""Pixels from one worker to the next."""

LANE_SECONDS: Final = 10.0
"""The lanes look back this far, less than the charts do: most tasks are short."""


def draw(snapshot: Snapshot, names: Sequence[str]) -> str:
    """Return the picture. `names`: the worker of each lane, "" for a nameless one."""
    seconds = scale.span(age(snapshot), snapshot.seconds)
    throughput, depth, waiting, running = (
        _chart(chart, seconds) for chart in charts(snapshot, seconds)
    )
    return (
        f'<div class="tq">{_tiles(snapshot)}<div class="tq-charts">'
        f'<div class="tq-pair">{throughput}{depth}</div>'
        f'<div class="tq-pair">{waiting}{running}</div></div>'
        f"{_workers(snapshot, names, min(seconds, LANE_SECONDS))}</div>"
    )


# -- in words


def status(snapshot: Snapshot) -> str:
    """Say in a few sentences what the queue is doing."""
    submitted, busy = snapshot.totals[facts.SUBMITTED], len(snapshot.busy)
    if not submitted:
        text = "No task yet: queue.submit(...) brings one."
    else:
        left = snapshot.counts[TaskStatus.PENDING] + snapshot.counts[TaskStatus.RUNNING]
        text = f"{submitted - left:,} of {plural(submitted, 'task')} done"
        if failed := _failed(snapshot):
            text += f", {failed:,} of them failed"
        text += f"; {snapshot.depth:,} waiting."
    if snapshot.workers:
        text += f" {busy:,} of {plural(snapshot.workers, 'worker')} busy."
    elif busy:
        text += f" {plural(busy, 'task')} running."
    else:
        text += " No worker."
    return text + (" The queue is paused." if snapshot.paused else "")


def counts(snapshot: Snapshot) -> list[tuple[int, str]]:
    """Return how many tasks there are of each kind, each with its word."""
    totals = snapshot.totals
    retries, crashes = totals[facts.RETRIED], totals[facts.RECOVERED] + totals[facts.DIED]
    return [
        (snapshot.counts[TaskStatus.PENDING], "waiting"),
        (snapshot.counts[TaskStatus.RUNNING], "running"),
        (totals[facts.SUCCEEDED], "succeeded"),
        (_failed(snapshot), "failed"),
        (totals[facts.CANCELLED], "cancelled"),
        (retries, "retry" if retries == 1 else "retries"),
        (crashes, "crash" if crashes == 1 else "crashes"),
    ]


def plural(count: int, what: str) -> str:
    """Return "1 task" or "2 tasks"."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _failed(snapshot: Snapshot) -> int:
    totals = snapshot.totals
    return totals[facts.FAILED] + totals[facts.DIED] - totals[facts.REVIVED]


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
        axis = scale.Axis(1.0, ((0.0, ""),), "")
        body = f'<text class="tq-note tq-middle" x="50%" y="{HEIGHT / 2 + 4}">{chart.note}</text>'
    else:
        body = _lines(chart.curves, seconds, axis.top)
    grid = ""
    for value, label in axis.ticks:
        y = HEIGHT - value / axis.top * HEIGHT
        grid += (
            f'<line x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="tq-end" x="-6" y="{y + 4:.1f}">{label}</text>'
        )
    legend = "".join(
        _key(f"tq-line tq-{c.look}", c.name if chart.note else f"{c.name} <b>{c.value}</b>")
        for c in chart.curves
    )
    if chart.bound:
        y = HEIGHT - chart.bound / axis.top * HEIGHT
        body += f'<line class="tq-bound" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
        legend += _key("tq-bound", f"bound <b>{chart.bound:,}</b>")
    if chart.peak:
        body += _peak(*chart.peak, seconds)
    return (
        f'<div class="tq-chart"><div class="tq-head"><b>{chart.title}</b> <span>{axis.unit}</span>'
        f'<div class="tq-legend">{legend}</div></div>'
        f'<svg role="img" height="{HEIGHT}"><title>{chart.title}</title>'
        f'<desc>{escape(chart.about)}</desc><g class="tq-grid">{grid}{_times(seconds, HEIGHT)}</g>'
        f"{body}</svg></div>"
    )


def _times(seconds: float, height: float) -> str:
    """Return the lines and labels of the time axis, which ends now."""
    shown = ""
    (_, *ticks) = scale.clock_axis(seconds).ticks
    for before, label in ((0.0, "now"), *ticks):
        x = 100 - before / seconds * 100
        side = "end" if x > 99 else "start" if x < 1 else "middle"
        ago = " ago" if before == ticks[-1][0] else ""
        shown += (
            f'<line x1="{x:.2f}%" x2="{x:.2f}%" y2="{height}"/>'
            f'<text class="tq-{side}" x="{x:.2f}%" y="{height + 15}">{label}{ago}</text>'
        )
    return shown


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
    before = float("-inf")
    for at, value in points:
        place = f"{1000 + at / seconds * 1000:.1f} {HEIGHT - value / top * HEIGHT:.1f}"
        # A point on its own is a line of no length, which its round ends make a dot.
        path += f"L{place}" if at - before <= GAP else f"M{place}h0"
        before = at
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


# -- workers


def _workers(snapshot: Snapshot, names: Sequence[str], seconds: float) -> str:
    lanes, ended = bars(snapshot.runs, snapshot.at, seconds)
    busy = {run.worker: run for run in snapshot.busy}
    shown = names[:MOST]
    height = LANE * max(len(shown), 2)
    if shown:
        head = f"{len(busy)} of {max(snapshot.workers, len(busy))} busy"
        body = "".join(
            _lane(LANE * place, name, lanes.get(name, []), busy.get(name), snapshot.at, seconds)
            for place, name in enumerate(shown)
        )
    else:
        head = ""
        body = f'<text class="tq-note tq-middle" x="50%" y="{height / 2 + 4}">no worker yet</text>'
    if len(names) > MOST:
        head += f", {len(names) - MOST} more not shown"
    listed = ", ".join(f"{n:,} {WORDS[kind]}" for kind, n in ended.items()) or "none"
    return (
        f'<div class="tq-chart tq-workers"><div class="tq-head"><b>Workers</b> <span>{head}</span>'
        f'<div class="tq-legend">{_LEGEND}</div></div>'
        f'<svg role="img" height="{height}"><title>Workers</title>'
        f"<desc>What each worker ran in the last {seconds:g} seconds. Runs that ended: {listed}. "
        f"Runs in progress: {len(busy)}.</desc>"
        f'<g class="tq-grid">{_times(seconds, height)}</g>{body}</svg></div>'
    )


def _lane(y: int, name: str, lane: Sequence[Bar], run: Run | None, at: int, seconds: float) -> str:
    """Return a lane: the worker's name, its runs, and in words what it runs now."""
    parts = [f'<svg y="{y}" height="{LANE}"><line class="tq-lane" x2="100%" y1="18" y2="18"/>']
    parts.append(f'<text class="tq-end" x="-8" y="22">{escape(_short(name or "new", 11))}</text>')
    odd = False
    for kind, left, right in lane:
        if kind == "stopped":
            parts.append(_rectangle(kind, left, right))
            continue
        # Neighbors differ in shade: many runs begin where another ends.
        odd = not odd
        shade = " tq-odd" if odd and kind == "succeeded" else ""
        where = f'x1="{left:.2f}%" x2="{right:.2f}%"'
        parts.append(f'<line class="tq-{kind}{shade}" {where} y1="18" y2="18"/>')
    parts += [f'<svg x="{x:.2f}%" y="6">{_MARK[kind]}</svg>' for x, kind in marks(lane)]
    if run is None:
        parts.append('<svg x="100%"><text class="tq-idle" x="8" y="22">idle</text></svg>')
    else:
        took = max(at - run.start, 0) / 1e9
        parts.append(_rectangle("running", max(100 - took / seconds * 100, 0.0), 100.0))
        words = f"{escape(_short(run.type, 10))} <tspan>{duration(took)}</tspan>"
        parts.append(f'<svg x="100%"><text x="8" y="22">{words}</text></svg>')
    return "".join(parts) + "</svg>"


def _rectangle(kind: str, left: float, right: float) -> str:
    where = f'x="{left:.2f}%" width="{right - left:.2f}%"'
    return f'<rect class="tq-{kind}" {where} y="13.5" height="9"/>'


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


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
