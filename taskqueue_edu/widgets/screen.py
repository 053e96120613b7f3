"""One output in a notebook: its widgets while it is live, and the picture that stays."""

from __future__ import annotations

import base64
import math
import threading
from collections.abc import Callable
from html import escape
from typing import Any, Final, Protocol

from IPython.display import DisplayHandle
from ipywidgets import HTML, ToggleButtons, VBox, Widget

from taskqueue_edu.monitor import Monitor, Snapshot
from taskqueue_edu.picture import scale
from taskqueue_edu.picture.charts import age
from taskqueue_edu.picture.look import Frame
from taskqueue_edu.picture.style import STYLE
from taskqueue_edu.picture.words import status
from taskqueue_edu.widgets.cells import in_notebook, running_cell, when_it_goes
from taskqueue_edu.widgets.painter import Painter

TEXT: Final = "LiveMonitor: run this cell to see it live"
"""The output as text: the same after every run, so that a saved notebook can be compared."""

WINDOWS: Final = (10.0, 30.0, 60.0, 300.0, math.inf)
"""Seconds that one can choose to look back."""

_UNITS: Final = {"second": "s", "minute": "min", "hour": "h", "day": "d"}


class Owner(Protocol):
    """Whose screen it is: a LiveMonitor."""

    @property
    def monitor(self) -> Monitor:
        """What the screen shows."""

    def advance(self) -> None:
        """Let time pass, if it does not do so by itself."""

    def over(self, snapshot: Snapshot) -> bool:
        """Tell whether nothing more will happen."""


class Screen:
    """An output that shows what its owner's monitor knows, until it ends.

    Whoever ends it, in whatever thread, does so once; all others wait until that is done.
    """

    def __init__(
        self, owner: Callable[[], Owner | None], since: int, window: float, *more: Widget
    ) -> None:
        """Show the last `window` seconds to begin with, and the widgets `more`.

        `owner` returns the owner, or None when there is none any more: a screen does not keep it
        alive. `since` is the time there, in nanoseconds since 1970: where the last picture begins.
        """
        self._owner = owner
        self._since = since
        self._overview, self._picture, self._status = HTML(), HTML(), HTML()
        choices = sorted({*WINDOWS, window})
        self.windows = ToggleButtons(
            options=[(label(seconds), seconds) for seconds in choices],
            value=window,
            tooltips=[f"Show {last(seconds)}" for seconds in choices],
        )
        self.windows.style.button_width = "auto"
        self._own = (HTML(STYLE), self.windows, self._overview, self._picture, self._status)
        style, *rest = self._own
        self.box = VBox([style, *more, *rest])
        self.box.add_class("taskqueue-monitor")
        self._output: Any = None
        self._cell = ""
        self._forget_cell: Callable[[], None] = lambda: None
        # Guards `ended` and the widgets: no frame comes after the end.
        self._ending = threading.RLock()
        self.ended = False

    def display(self, when_cell_goes: Callable[[], None]) -> None:
        """Make the output under the cell that is running, if there is one."""
        if not in_notebook():
            return
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        self._output = DisplayHandle()
        self._output.display(
            {"application/vnd.jupyter.widget-view+json": view, "text/plain": TEXT}, raw=True
        )
        self._cell = running_cell()
        self._forget_cell = when_it_goes(self._cell, when_cell_goes)

    # -- while it is live

    def draw(self, painter: Painter) -> int:
        """Show what there is now; return how many bytes that took."""
        owner = self._owner()
        assert owner is not None, "whoever draws at once has the owner"
        return self._draw(painter, owner)[0]

    def _draw(self, painter: Painter, owner: Owner) -> tuple[int, Snapshot]:
        owner.advance()
        frame = painter.frame(owner.monitor, self.windows.value)
        # While it changes all the time, a screen reader should not read it out by itself.
        self._put(frame, "off")
        return len(frame.picture), frame.snapshot

    def _put(self, frame: Frame, live: str) -> None:
        self._picture.value = frame.picture
        self._overview.value = frame.overview
        self._say(frame.status, live)

    def update(self, painter: Painter) -> int:
        """Do that, or end, if it is time to."""
        owner = self._owner()
        with self._ending:
            if self.ended:
                return 0
            if self.box.comm is None:  # somebody closed the widgets
                self._leave()
            elif owner is None:
                self._leave(
                    "Stopped: nothing refers to this monitor any more. Keep it in a variable: "
                    "monitor = LiveMonitor(queue)"
                )
            else:
                try:
                    sent, snapshot = self._draw(painter, owner)
                except Exception as error:  # whatever it is, it belongs on the screen
                    self._leave(why(error))
                else:
                    if owner.over(snapshot):
                        self.end(owner.monitor)
                    return sent
            return 0

    def _say(self, text: str, live: str) -> None:
        self._status.value = (
            f'<p class="tq-status" role="status" aria-live="{live}">{escape(text)}</p>'
        )

    # -- the end

    def _leave(self, text: str = "") -> None:
        """Leave everything as it is, with a text in the status line if there is one."""
        self.ended = True
        self._forget_cell()
        if text:
            self._say(text, "polite")

    def close(self) -> None:
        """Take it away."""
        with self._ending:
            self._leave()
            for widget in (*self._own, self.box):
                widget.close()

    def end(self, monitor: Monitor) -> None:
        """Put a picture of the run in place of the widgets, which go when the cell runs again."""
        with self._ending:
            if self.ended or self.box.comm is None:
                return
            try:
                if self._output is not None:
                    self._leave_picture(monitor)
                # VS Code may drop the picture, if the cell had an output before: then the last
                # frame stays. Where the picture is shown, nobody sees these any more.
                self.windows.layout.display = "none"
                self._put(Painter().frame(monitor, self.windows.value), "polite")
            except Exception as error:
                self._leave(why(error))
            else:
                self._leave()
                self._forget_cell = when_it_goes(self._cell, self.close)
                if not self._cell:  # nobody would tell when it goes
                    self.close()

    def _leave_picture(self, monitor: Monitor) -> None:
        snapshot = self._run(monitor)
        # It takes half a second to import matplotlib: not before the picture is needed.
        from taskqueue_edu.widgets.final import draw_final
        from taskqueue_edu.widgets.page import WIDTH

        png = base64.b64encode(draw_final(snapshot, snapshot.seconds)).decode()
        described = f"{status(snapshot)} {monitor.summary()}"
        self._output.update(
            {"image/png": png, "text/plain": TEXT},
            raw=True,
            metadata={"image/png": {"width": WIDTH, "alt": described}},
        )

    def _run(self, monitor: Monitor) -> Snapshot:
        """Return what happened while this was shown, or all of it if nothing did."""
        seconds = max((monitor.source.now() - self._since) / 1e9, 0.5)
        snapshot = monitor.snapshot(seconds, to_now=True)
        return snapshot if 0 < age(snapshot) < math.inf else monitor.snapshot(math.inf, to_now=True)


def label(seconds: float) -> str:
    """Return what the button says that chooses a window."""
    if seconds == math.inf:
        return "whole run"
    number, unit = scale.period(seconds).split()
    return f"{number} {_UNITS[unit.removesuffix('s')]}"


def last(seconds: float) -> str:
    """Return what such a window shows, in words."""
    return "the whole run" if seconds == math.inf else f"the last {scale.period(seconds)}"


def why(error: Exception) -> str:
    """Say that it stopped for an error."""
    return f"Stopped by an error: {type(error).__name__}: {error}"
