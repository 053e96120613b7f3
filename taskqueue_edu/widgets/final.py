"""A run as a PNG, which is still there when the kernel has gone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from taskqueue_edu.ink import BARS, GRAY, INK, LINES, PALE, POINT, mark
from taskqueue_edu.monitor import Snapshot, duration
from taskqueue_edu.picture import scale
from taskqueue_edu.picture.charts import Chart, Curve, charts, unbroken
from taskqueue_edu.picture.frame import HEIGHT
from taskqueue_edu.picture.lanes import MARKS, MOST, WORDS, Bar, View, bars, known, label, marks
from taskqueue_edu.picture.timeline import LANE
from taskqueue_edu.picture.words import counts
from taskqueue_edu.widgets.page import LARGE, NORMAL, SMALL, WIDTH, Page

_TOP, _HEAD, _FOOT, _BETWEEN = 34, 46, 30, 28  # pixels

_Legend: TypeAlias = tuple[Sequence[Any], Sequence[str]]

# matplotlib makes no promise about several threads, and two monitors may end at once.
_drawing: Final = threading.Lock()


def draw_final(snapshot: Snapshot, seconds: float) -> bytes:
    """Return the last `seconds` of the snapshot as a PNG, WIDTH pixels wide on a page."""
    with _drawing:
        return _draw(snapshot, seconds)


def _draw(snapshot: Snapshot, seconds: float) -> bytes:
    names = View().update(snapshot).names[:MOST]
    row = _HEAD + HEIGHT + _FOOT
    lanes = LANE * max(len(names), 2)
    page = Page(_TOP + 2 * row + _HEAD + lanes + _FOOT)
    shown = [f"{count:,} {word}" for count, word in counts(snapshot) if count]
    page.write("     ".join(shown) or "no task yet", 4, 18, LARGE, fontweight="bold")
    half = (WIDTH - _BETWEEN) / 2
    for place, chart in enumerate(charts(snapshot, seconds)):
        left, top = place % 2 * (half + _BETWEEN) + 4, _TOP + place // 2 * row
        _head(page, chart.title, "" if chart.note else chart.axis.unit, left, top)
        axes = page.axes(left + 40, top + _HEAD, half - 56, HEIGHT, seconds)
        page.legend(left, top + _HEAD - 7, *_chart(axes, chart, seconds))
    top = _TOP + 2 * row
    traced = min(seconds, known(snapshot))
    note = f"the last {duration(traced)}: older runs are not kept" if traced < seconds else ""
    _head(page, "Workers", note, 4, top)
    axes = page.axes(84, top + _HEAD, WIDTH - 100, lanes, traced)
    page.legend(4, top + _HEAD - 7, *_workers(axes, snapshot, names, traced))
    return page.png()


def _head(page: Page, title: str, unit: str, left: float, top: float) -> None:
    width = page.write(title, left, top + 14, LARGE, fontweight="bold")
    page.write(unit, left + width + 6, top + 14, NORMAL, color=GRAY)


def _empty(axes: Axes, text: str) -> _Legend:
    axes.set_yticks([])
    axes.set_xticks([])
    axes.set_ylim(0, 1)
    axes.axhline(0, color=PALE, linewidth=POINT)
    middle = axes.get_xlim()[1] / 2
    axes.text(middle, 0.5, text, ha="center", va="center", fontsize=NORMAL, color=GRAY)
    return (), ()


# -- charts


def _chart(axes: Axes, chart: Chart, seconds: float) -> _Legend:
    if chart.note:
        return _empty(axes, chart.note)
    axes.set_ylim(0, chart.axis.top)
    axes.set_yticks([at for at, _ in chart.axis.ticks], [text for _, text in chart.axis.ticks])
    for curve in reversed(chart.curves):
        (_steps if curve.steps else _line)(axes, curve, chart.width, seconds)
    handles = [Line2D([], [], **LINES[curve.look]) for curve in chart.curves]
    labels = [f"{curve.name} {curve.value}" for curve in chart.curves]
    if chart.bound:
        axes.axhline(chart.bound, clip_on=False, **LINES["bound"])
        handles.append(Line2D([], [], **LINES["bound"]))
        labels.append("bound")
    if chart.peak:
        _peak(axes, seconds + chart.peak[0], chart.peak[1], seconds)
    return handles, labels


def _steps(axes: Axes, curve: Curve, _: float, seconds: float) -> None:
    if not curve.points:
        return
    times = [seconds + at for at, _ in curve.points]
    top = axes.get_ylim()[1]
    values = [min(value, top) for _, value in curve.points]
    x, y = [seconds + curve.begin, *times], [values[0], *values]
    line = LINES[curve.look]
    axes.step(x, y, where="pre", clip_on=False, **line)
    if curve.look != "submitted":
        axes.fill_between(x, y, step="pre", alpha=0.18, linewidth=0, color=line["color"])


def _line(axes: Axes, curve: Curve, width: float, seconds: float) -> None:
    for line in unbroken(curve.points, width):
        x, y = [max(seconds + at, 0.0) for at, _ in line], [value for _, value in line]
        axes.plot(x, y, clip_on=False, **LINES[curve.look])


def _peak(axes: Axes, at: float, value: float, seconds: float) -> None:
    """Draw an arrow where a line leaves the chart, and write how far it goes."""
    top = axes.get_ylim()[1]
    axes.plot([at], [top], marker="^", color=INK, markersize=5, clip_on=False)
    right = at < seconds * 0.6
    axes.annotate(
        f"{scale.number(value)}/s submitted",
        (at, top),
        (7 if right else -7, -9),
        textcoords="offset points",
        ha="left" if right else "right",
        fontsize=SMALL,
        color=INK,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )


# -- workers


def _workers(axes: Axes, snapshot: Snapshot, names: Sequence[str], seconds: float) -> _Legend:
    if not names:
        return _empty(axes, "no worker yet")
    axes.grid(visible=False, axis="y")
    axes.set_ylim(LANE * max(len(names), 2), 0)
    axes.set_yticks([LANE * place + 18 for place in range(len(names))], map(label, names))
    lanes, _ = bars(snapshot.runs, snapshot.at, seconds)
    busy = {run.worker: run for run in snapshot.busy}
    for place, name in enumerate(names):
        axes.broken_barh([(0, seconds)], (LANE * place + 13, 10), facecolor="#ededed")
        _lane(axes, LANE * place, lanes.get(name, []), snapshot.at, seconds)
        if name in busy:
            left = max(seconds - (snapshot.at - busy[name].start) / 1e9, 0.0)
            where = LANE * place + 13.5, 9
            axes.broken_barh([(left, seconds - left)], where, **BARS["running"])
    handles: list[Any] = []
    for kind in WORDS:
        patch = Patch(**BARS[kind])
        handles.append((patch, mark(kind)) if kind in MARKS else patch)
    return handles, list(WORDS.values())


def _lane(axes: Axes, y: float, lane: Sequence[Bar], at: int, seconds: float) -> None:
    percent = seconds / 100
    kinds: dict[str, list[tuple[float, float]]] = {}
    for bar in lane:
        spans = kinds.setdefault(bar.kind, [])
        spans.append((bar.left * percent, (bar.right - bar.left) * percent))
    for kind, spans in kinds.items():
        axes.broken_barh(spans, (y + 13, 10), **BARS[kind])
    for x, kind in marks(lane, at, seconds):
        axes.add_line(mark(kind, x * percent, y + 6))
