"""A run as a PNG, which is still there when the kernel has gone."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.path import Path

from taskqueue_edu.monitor import Monitor, Snapshot
from taskqueue_edu.widgets import picture, scale
from taskqueue_edu.widgets.charts import GAP, HALF_SECOND, Chart, Curve, age, charts
from taskqueue_edu.widgets.lanes import MARKS, MOST, WORDS, Bar, Names, bars, marks

WIDTH: Final = 760
"""Pixels across, as a page shows it. The file has twice as many, for sharp screens."""

_INCH: Final = 96  # pixels of a page
_SMALL, _NORMAL, _LARGE = 8.25, 9.0, 9.75  # points: 11, 12 and 13 pixels
_BLUE, _ORANGE, _VIOLET, _PINK, _RED = "#1565c0", "#b45309", "#6d4bb8", "#a3256d", "#c62828"
_INK, _GRAY, _PALE = "#1f1f1f", "#595959", "#dcdcdc"

_LINES: Final[dict[str, dict[str, Any]]] = {
    "finished": {"color": _BLUE, "linewidth": 1.5},
    "submitted": {"color": _GRAY, "linewidth": 1.1, "linestyle": (0, (3, 2))},
    "depth": {"color": _VIOLET, "linewidth": 1.5},
    "p50": {"color": _BLUE, "linewidth": 1.5},
    "p95": {"color": _ORANGE, "linewidth": 1.5, "linestyle": (0, (4, 2))},
    "p99": {"color": _PINK, "linewidth": 1.8, "linestyle": (0, (1, 1.2))},
    "bound": {"color": _RED, "linewidth": 1.1, "linestyle": (0, (6, 2, 1.5, 2))},
}
_BARS: Final[dict[str, dict[str, Any]]] = {
    "running": {"facecolor": "#c5daf1", "edgecolor": _BLUE, "linewidth": 0.8},
    "succeeded": {"facecolor": _BLUE},
    "odd": {"facecolor": "#5a93d2"},
    "failed": {"facecolor": _RED},
    "retried": {"facecolor": "white", "edgecolor": _ORANGE, "hatch": "||||||", "linewidth": 0},
    "crashed": {"facecolor": "white", "edgecolor": _INK, "hatch": "||||||||||", "linewidth": 0},
    "stopped": {"facecolor": "white", "edgecolor": _INK, "linestyle": ":", "linewidth": 0.9},
}
_MARK_COLORS: Final = {"failed": _RED, "retried": _ORANGE, "crashed": _INK, "stopped": _INK}

# matplotlib makes no promise about several threads, and two monitors may end at once.
_drawing: Final = threading.Lock()


def final_picture(monitor: Monitor, since: int) -> tuple[bytes, dict[str, Any]]:
    """Return a PNG of what happened since the time `since`, in nanoseconds, and its metadata.

    If nothing did, it shows the last thing that happened before. The metadata, as Jupyter
    knows them, are the `width` in pixels and a description, `alt`.
    """
    everything = monitor.snapshot(3600.0, to_now=True)
    seconds = max((everything.at - since) / 1e9, HALF_SECOND)
    snapshot = monitor.snapshot(seconds, to_now=True)
    if not age(snapshot):
        snapshot, seconds = everything, max(age(everything), HALF_SECOND)
    with _drawing:
        png = _draw(snapshot, seconds)
    return png, {"width": WIDTH, "alt": f"{picture.status(snapshot)} {monitor.summary()}"}


def _draw(snapshot: Snapshot, seconds: float) -> bytes:
    names = Names().update(snapshot)[:MOST]
    lanes = 0.27 * max(len(names), 2)
    figure = Figure(
        figsize=(WIDTH / _INCH, 4.6 + lanes), dpi=2 * _INCH, facecolor="white", layout="constrained"
    )
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(hspace=0.06, wspace=0.05)
    grid = figure.add_gridspec(3, 2, height_ratios=(1.5, 1.5, lanes))
    shown = [f"{count:,} {word}" for count, word in picture.counts(snapshot) if count]
    figure.suptitle(
        "   ".join(shown) or "no task yet",
        x=0.01,
        ha="left",
        fontsize=_LARGE,
        fontweight="bold",
        color=_INK,
    )
    for place, chart in enumerate(charts(snapshot, seconds)):
        _chart(figure.add_subplot(grid[place // 2, place % 2]), chart, seconds)
    _workers(figure.add_subplot(grid[2, :]), snapshot, names, seconds)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _plain(axes: Axes, title: str, unit: str, seconds: float) -> None:
    """Set up axes without a frame, from 0 to `seconds` across."""
    axes.set_title(title, loc="left", fontsize=_LARGE, fontweight="bold", color=_INK, pad=20)
    axes.annotate(
        unit,
        (1, 1),
        (0, 27),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        fontsize=_NORMAL,
        color=_GRAY,
    )
    axes.set_xlim(0, seconds)
    ticks = scale.clock_axis(seconds).ticks
    axes.set_xticks([at for at, _ in ticks], [label for _, label in ticks])
    axes.tick_params(length=0, labelsize=_SMALL, labelcolor=_INK)
    axes.grid(color=_PALE, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def _legend(axes: Axes, handles: Sequence[Any], labels: Sequence[str]) -> None:
    axes.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=len(labels),
        frameon=False,
        borderaxespad=0.1,
        borderpad=0.2,
        handlelength=1.6,
        handletextpad=0.5,
        columnspacing=1.2,
        fontsize=_NORMAL,
        labelcolor=_INK,
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.3)},
    )


def _chart(axes: Axes, chart: Chart, seconds: float) -> None:
    _plain(axes, chart.title, chart.axis.unit, seconds)
    if chart.note:
        axes.set_yticks([])
        axes.set_ylim(0, 1)
        axes.text(
            seconds / 2, 0.5, chart.note, ha="center", va="center", fontsize=_NORMAL, color=_GRAY
        )
        return
    axes.set_ylim(0, chart.axis.top)
    axes.set_yticks([at for at, _ in chart.axis.ticks], [label for _, label in chart.axis.ticks])
    for curve in reversed(chart.curves):
        (_steps if curve.steps else _line)(axes, curve, seconds)
    handles = [Line2D([], [], **_LINES[curve.look]) for curve in chart.curves]
    labels = [f"{curve.name} {curve.value}" for curve in chart.curves]
    if chart.bound:
        axes.axhline(chart.bound, **_LINES["bound"])
        handles.append(Line2D([], [], **_LINES["bound"]))
        labels.append(f"bound {chart.bound:,}")
    if chart.peak:
        at, value = seconds + chart.peak[0], chart.peak[1]
        left = at < seconds * 0.6
        axes.annotate(
            f"{scale.number(value)}/s submitted",
            (at, chart.axis.top),
            (8 if left else -8, -10),
            textcoords="offset points",
            ha="left" if left else "right",
            fontsize=_SMALL,
            color=_INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
        axes.plot([at], [chart.axis.top], marker="^", color=_INK, markersize=5, clip_on=False)
    _legend(axes, handles, labels)


def _steps(axes: Axes, curve: Curve, seconds: float) -> None:
    x = [seconds + curve.points[0][0] - HALF_SECOND, *(seconds + at for at, _ in curve.points)]
    y = [curve.points[0][1], *(value for _, value in curve.points)]
    axes.step(x, y, where="pre", **_LINES[curve.look])
    if curve.look != "submitted":
        axes.fill_between(
            x, y, step="pre", alpha=0.18, linewidth=0, color=_LINES[curve.look]["color"]
        )


def _line(axes: Axes, curve: Curve, seconds: float) -> None:
    x: list[float] = []
    y: list[float] = []
    for at, value in curve.points:
        if x and seconds + at - x[-1] > GAP:
            x.append(seconds + at)
            y.append(float("nan"))
        x.append(seconds + at)
        y.append(value)
    axes.plot(x, y, **_LINES[curve.look])
    if len(curve.points) == 1:
        axes.plot(x, y, marker="o", markersize=3.5, color=_LINES[curve.look]["color"])


# -- workers


def _workers(axes: Axes, snapshot: Snapshot, names: Sequence[str], seconds: float) -> None:
    unit = "the newest 2,000 runs" if len(snapshot.runs) == 2_000 else ""
    _plain(axes, "Workers", unit, seconds)
    axes.grid(visible=False, axis="y")
    axes.set_ylim(max(len(names), 2), 0)
    axes.set_yticks([n + 0.64 for n in range(len(names))], [name or "new" for name in names])
    if not names:
        axes.text(
            seconds / 2, 1, "no worker yet", ha="center", va="center", fontsize=_NORMAL, color=_GRAY
        )
    lanes, _ = bars(snapshot.runs, snapshot.at, seconds)
    busy = {run.worker: run for run in snapshot.busy}
    for place, name in enumerate(names):
        lane = lanes.get(name, [])
        axes.broken_barh([(0, seconds)], (place + 0.46, 0.36), facecolor="#ededed")
        _lane(axes, place, lane, seconds)
        if name in busy:
            left = seconds - (snapshot.at - busy[name].start) / 1e9
            axes.broken_barh([(left, seconds - left)], (place + 0.46, 0.36), **_BARS["running"])
    handles: list[Any] = []
    for kind in WORDS:
        patch = Patch(**_BARS[kind])
        handles.append((patch, _mark(kind)) if kind in MARKS else patch)
    _legend(axes, handles, list(WORDS.values()))


def _lane(axes: Axes, place: int, lane: Sequence[Bar], seconds: float) -> None:
    kinds: dict[str, list[tuple[float, float]]] = {}
    odd = False
    for kind, left, right in lane:
        odd = not odd
        look = "odd" if odd and kind == "succeeded" else kind
        kinds.setdefault(look, []).append((left * seconds / 100, (right - left) * seconds / 100))
    for look, spans in kinds.items():
        axes.broken_barh(spans, (place + 0.46, 0.36), **_BARS[look])
    for x, kind in marks(lane):
        mark = _mark(kind)
        mark.set_data([x * seconds / 100], [place + 0.2])
        mark.set_clip_on(False)
        axes.add_line(mark)


def _mark(kind: str) -> Line2D:
    """Return a mark in the shape that the live picture gives it."""
    points: list[tuple[float, float]] = []
    codes: list[int] = []
    for line in MARKS[kind]:
        points += [(x, -y) for x, y in line]
        codes += [Path.MOVETO, *[Path.LINETO] * (len(line) - 1)]
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=Path(points, codes),
        markersize=6.5,
        markeredgecolor=_MARK_COLORS[kind],
        markeredgewidth=1.1,
        markerfacecolor=_INK if kind == "crashed" else "none",
    )
