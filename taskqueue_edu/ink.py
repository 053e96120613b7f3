"""Lines, bars and marks as matplotlib draws them, in print and in what a notebook keeps."""

from __future__ import annotations

from typing import Any, Final

from matplotlib.lines import Line2D
from matplotlib.path import Path

from taskqueue_edu.picture.lanes import MARKS

INK, GRAY, PALE = "#1f1f1f", "#595959", "#dcdcdc"
BLUE, ORANGE, VIOLET, PINK, RED = "#1565c0", "#b45309", "#6d4bb8", "#a3256d", "#c62828"

POINT: Final = 72 / 96
"""A pixel in points, the unit of matplotlib's fonts and lines."""

LINES: Final[dict[str, dict[str, Any]]] = {
    "finished": {"color": BLUE, "linewidth": 1.5},
    "submitted": {"color": GRAY, "linewidth": 1.1, "linestyle": (0, (3, 2))},
    "failed": {"color": RED, "linewidth": 1.1, "linestyle": (0, (1, 1.2))},
    "depth": {"color": VIOLET, "linewidth": 1.5},
    "busy": {"color": BLUE, "linewidth": 1.5},
    "mean": {"color": INK, "linewidth": 1.1, "linestyle": (0, (4, 2))},
    "waiting": {"color": ORANGE, "linewidth": 1.5, "linestyle": (0, (4, 2))},
    "running": {"color": BLUE, "linewidth": 1.5},
    "p50": {"color": BLUE, "linewidth": 1.5},
    "p95": {"color": ORANGE, "linewidth": 1.5, "linestyle": (0, (4, 2))},
    "p99": {"color": PINK, "linewidth": 1.8, "linestyle": (0, (1, 1.2))},
    "bound": {"color": RED, "linewidth": 1.1, "linestyle": (0, (6, 2, 1.5, 2))},
}

BARS: Final[dict[str, dict[str, Any]]] = {
    "running": {"facecolor": "#c5daf1", "edgecolor": BLUE, "linewidth": 0.8},
    "succeeded": {"facecolor": BLUE},
    "failed": {"facecolor": RED},
    "retried": {"facecolor": "white", "edgecolor": ORANGE, "hatch": "||||||", "linewidth": 0},
    "crashed": {"facecolor": "white", "edgecolor": INK, "hatch": "||||||||||", "linewidth": 0},
    "stopped": {"facecolor": "white", "edgecolor": INK, "linestyle": ":", "linewidth": 0.9},
}
"""How a run looks, by how it ended: `taskqueue_edu.picture.lanes.WORDS` says what each means."""

_MARK_COLORS: Final = {"failed": RED, "retried": ORANGE, "crashed": INK, "stopped": INK}


def mark(kind: str, x: float = 0.0, y: float = 0.0) -> Line2D:
    """Return the mark of a run that did not succeed, in the shape of the live picture."""
    points: list[tuple[float, float]] = []
    codes: list[Any] = []
    for line in MARKS[kind]:
        points += [(right, -down) for right, down in line]
        codes += [Path.MOVETO, *[Path.LINETO] * (len(line) - 1)]
    color = _MARK_COLORS[kind]
    return Line2D(
        [x],
        [y],
        linestyle="none",
        clip_on=False,
        marker=Path(points, codes),
        # matplotlib scales the shape so that it just fits into the size, which is a diameter.
        markersize=2 * max(max(abs(x), abs(y)) for x, y in points) * POINT,
        markeredgecolor=color,
        markeredgewidth=1.1,
        markerfacecolor=color if kind == "crashed" else "none",
    )
