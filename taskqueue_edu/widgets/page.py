"""A matplotlib figure on which places are in pixels from the upper left corner."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from PIL import Image

from taskqueue_edu.ink import INK, PALE, POINT
from taskqueue_edu.picture import scale

WIDTH: Final = 760
"""Pixels across, as a page shows it. The file has twice as many, for sharp screens."""

_DPI: Final = 96

SMALL, NORMAL, LARGE = 11 * POINT, 12 * POINT, 13 * POINT

_COLORS: Final = 96  # in the file, which is a third of its size with all colors


class Page:
    """A white page, WIDTH pixels across and `height` down. Nothing here uses pyplot."""

    def __init__(self, height: float) -> None:
        self._height = height
        self._figure = Figure((WIDTH / _DPI, height / _DPI), dpi=2 * _DPI, facecolor="white")
        self._canvas: Any = FigureCanvasAgg(self._figure)

    def write(self, text: str, x: float, y: float, size: float, **look: Any) -> float:
        """Write a line whose letters stand on y; return how wide it is."""
        look = {"color": INK} | look
        written = self._figure.text(x / WIDTH, 1 - y / self._height, text, fontsize=size, **look)
        return float(written.get_window_extent(self._canvas.get_renderer()).width / 2)

    def axes(self, left: float, top: float, width: float, height: float, seconds: float) -> Axes:
        """Return a place to draw, with a grid and a time axis that begins at 0."""
        bottom = 1 - (top + height) / self._height
        axes = self._figure.add_axes(
            (left / WIDTH, bottom, width / WIDTH, height / self._height), frameon=False
        )
        axes.set_xlim(0, seconds)
        ticks = scale.clock_axis(seconds).ticks
        axes.set_xticks([at for at, _ in ticks], [label for _, label in ticks])
        axes.tick_params(length=0, labelsize=SMALL, labelcolor=INK)
        axes.grid(color=PALE, linewidth=POINT)
        axes.set_axisbelow(True)
        return axes

    def legend(
        self, left: float, bottom: float, handles: Sequence[Any], labels: Sequence[str]
    ) -> None:
        """Write what the lines and bars mean, in one row."""
        self._figure.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(left / WIDTH, 1 - bottom / self._height),
            ncols=max(len(labels), 1),
            frameon=False,
            borderaxespad=0,
            borderpad=0,
            handlelength=1.7,
            handletextpad=0.5,
            columnspacing=1.3,
            fontsize=NORMAL,
            labelcolor=INK,
            handler_map={tuple: HandlerTuple(ndivide=None, pad=0.4)},
        )

    def png(self) -> bytes:
        """Return the page as a PNG with few colors."""
        self._canvas.draw()
        size, pixels = self._canvas.get_width_height(), self._canvas.buffer_rgba()
        drawn = Image.frombuffer("RGBA", size, pixels, "raw", "RGBA", 0, 1).convert("RGB")
        file = io.BytesIO()
        drawn.quantize(_COLORS, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
        return file.getvalue()
