"""What the charts share: title, grid, legend and axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.legend_handler import HandlerTuple
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from taskqueue_edu.ink import GRAY, PALE, POINT
from taskqueue_edu.monitor import duration
from taskqueue_edu.picture import scale


def prepare(ax: Axes, title: str, rows: int = 1) -> None:
    """Write the title of a chart, above a legend with so many rows, and draw its grid."""
    above = rows * 1.1 * rcParams["font.size"]
    ax.set_title(title, loc="left", fontweight="bold", fontsize="medium", pad=above + 4)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(length=0, labelsize="small")
    ax.tick_params(axis="x", length=3)
    ax.grid(color=PALE, linewidth=POINT)
    ax.set_axisbelow(True)


def legend(ax: Axes, handles: Sequence[Any], labels: Sequence[str], columns: int) -> None:
    """Write what lines and bars mean, above the chart, where they hide nothing."""
    ax.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=columns,
        frameon=False,
        borderaxespad=0.2,
        borderpad=0,
        labelspacing=0.25,
        handlelength=1.8,
        handletextpad=0.5,
        columnspacing=1.2,
        fontsize="small",
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.4)},
    )


def empty(ax: Axes, text: str) -> None:
    """Write why there is nothing to see."""
    ax.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(0, 1))
    ax.text(0.5, 0.5, text, ha="center", va="center", fontsize="small", color=GRAY)


def clock(ax: Axes, seconds: float, since: str) -> None:
    """Let x be the time that has passed `since` then."""
    ax.set_xlim(0, seconds)
    ticks = scale.clock_axis(seconds).ticks
    ax.set_xticks([at for at, _ in ticks], [label for _, label in ticks])
    ax.set_xlabel(f"time since {since}", fontsize="small")


def upward(ax: Axes, axis: scale.Axis) -> None:
    """Let y go from 0 on."""
    ax.set_ylim(0, axis.top)
    ax.set_yticks([at for at, _ in axis.ticks], [text for _, text in axis.ticks])
    ax.set_ylabel(axis.unit, fontsize="small")


def rates(highest: float) -> scale.Axis:
    """Return an axis for so many tasks a second: in minutes or hours, if they are few."""
    units = (("second", 1.0), ("minute", 60.0), ("hour", 3_600.0))
    unit, seconds = next((some for some in units if highest * some[1] >= 1), units[-1])
    top, ticks, name = scale.count_axis(highest * seconds, f"tasks per {unit}")
    return scale.Axis(top / seconds, tuple((at / seconds, text) for at, text in ticks), name)


def durations(ax: Axes, shortest: float, longest: float) -> None:
    """Let x be a duration, in powers of ten."""
    ax.set_xscale("log")
    # Whole powers of ten: so there are at least two ticks.
    low, high = math.floor(math.log10(shortest)), math.ceil(math.log10(longest))
    ax.set_xlim(10.0**low, 10.0 ** max(high, low + 1))
    ax.xaxis.set_major_locator(LogLocator(numticks=6))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
