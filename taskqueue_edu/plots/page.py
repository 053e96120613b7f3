"""All charts on one page."""

from __future__ import annotations

import io
from typing import Any, Final

import matplotlib.style
import pandas as pd
from matplotlib.figure import Figure

from taskqueue_edu import facts
from taskqueue_edu.monitor import duration
from taskqueue_edu.picture.lanes import MOST
from taskqueue_edu.picture.words import plural
from taskqueue_edu.plots import charts
from taskqueue_edu.plots.series import Series

_WIDTH: Final = 6.4  # inches: 640 pixels of a screen with 100 an inch, or a page of a journal
_ROW, _LANE = 1.9, 0.27
_STYLE: Final = {
    "figure.facecolor": "white",
    "figure.dpi": 200,
    "font.size": 9.5,
    "hatch.linewidth": 0.8,
    "axes.edgecolor": "#595959",
}


class Page(Figure):
    """A figure that a notebook shows when it is the last value of a cell, also without pyplot.

    `alt` says in words what it shows. Put it beside the figure, or into a file:
    `page.savefig("run.png", metadata={"Description": page.alt})`.
    """

    alt = ""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", metadata={"Description": self.alt})
        return file.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Say what the picture shows and how wide it is: it has two pixels for one."""
        return {}, {"image/png": {"alt": self.alt, "width": round(_WIDTH * 100)}}


def page(
    table: pd.DataFrame,
    *,
    until: pd.Timestamp | None = None,
    maxsize: int = 0,
    left_out: int = 0,
) -> Page:
    """Return a figure of all charts, 6.4 inches wide, on white.

    `table` holds facts, see `Monitor.to_frame`. Tasks that still run are drawn up to `until`, or
    to the last fact. `maxsize` is the bound of the queue, 0 for none. `left_out` is the number of
    older facts that the table lacks: the heading says so.
    """
    series = Series(table, until)
    workers = table.loc[table["kind"] == facts.STARTED, "who"].nunique()
    lanes = min(max(workers, 2), MOST)
    bottom = 1.0 + _LANE * lanes
    # Whatever style the notebook has set, a page looks the same.
    with matplotlib.style.context(_STYLE, after_reset=True):
        figure = Page((_WIDTH, 0.3 + 3 * _ROW + bottom), layout="constrained")
        grid = figure.add_gridspec(4, 4, height_ratios=[_ROW] * 3 + [bottom])
        half = [
            figure.add_subplot(grid[row, left : left + 2]) for row in range(3) for left in (0, 2)
        ]
        lane, share = figure.add_subplot(grid[3, :3]), figure.add_subplot(grid[3, 3])
        heading = _heading(series, left_out)
        figure.suptitle(heading, x=0.01, ha="left", fontsize="medium")
        figure.alt = "\n".join(
            [
                heading,
                charts.throughput(table, half[0], until=until),
                charts.depth(table, half[1], until=until, maxsize=maxsize),
                charts.latency_over_time(table, half[2], "waiting", until=until),
                charts.latency_over_time(table, half[3], "running", until=until),
                charts.latency(table, half[4]),
                charts.utilization(table, half[5], until=until),
                charts.workers(table, lane, until=until),
                charts.shares(table, share, until=until),
            ]
        )
    share.set_yticks([])
    for ax in (*half[:4], half[5]):
        ax.set_xlabel("")  # the heading says since when, and so do the lanes
    return figure


def _heading(series: Series, left_out: int) -> str:
    if series.table.empty:
        return "no task yet"
    tasks, seconds = plural(series.table["id"].nunique(), "task"), duration(series.seconds)
    heading = f"{tasks} in {seconds} since {series.origin:%Y-%m-%d %H:%M:%S} UTC"
    return heading + (f"\n{plural(left_out, 'older fact')} not shown" if left_out else "")
