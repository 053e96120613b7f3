"""What the screens on one source show: drawn once for all that show the same."""

from __future__ import annotations

import math
import time
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from taskqueue_edu.monitor import Monitor, Snapshot
from taskqueue_edu.picture.frame import draw
from taskqueue_edu.picture.lanes import View
from taskqueue_edu.picture.overview import draw_overview
from taskqueue_edu.picture.words import status

OVERVIEW_EVERY: Final = 1.0
"""Seconds between two pictures of the whole run, which changes less than the rest."""


class Frame(NamedTuple):
    """What a screen shows at one moment: HTML, and the status in words."""

    snapshot: Snapshot
    picture: str
    overview: str
    status: str


class _Look:
    """A window on a monitor, and what it showed last."""

    def __init__(self) -> None:
        self.view = View()
        self.tick = -1
        self.frame: Frame | None = None
        self.overview, self.due = "", 0.0


class Painter:
    """Draws frames, each window of each monitor once a tick. It keeps no monitor alive."""

    def __init__(self) -> None:
        self._looks: WeakKeyDictionary[Monitor, dict[float, _Look]] = WeakKeyDictionary()
        self._tick = 0

    def next_tick(self) -> None:
        """Let frames be drawn anew; forget the windows that nobody looked through last time."""
        for looks in self._looks.values():
            for window in [w for w, look in looks.items() if look.tick < self._tick]:
                del looks[window]
        self._tick += 1

    def frame(self, monitor: Monitor, window: float) -> Frame:
        """Return the last `window` seconds of a monitor as they are at this tick."""
        look = self._looks.setdefault(monitor, {}).setdefault(window, _Look())
        if look.frame is None or look.tick != self._tick:
            look.tick = self._tick
            look.frame = self._draw(monitor, window, look)
        return look.frame

    def _draw(self, monitor: Monitor, window: float, look: _Look) -> Frame:
        snapshot = monitor.snapshot(window)
        if time.monotonic() >= look.due:
            look.due = time.monotonic() + OVERVIEW_EVERY
            look.overview = draw_overview(monitor.snapshot(math.inf), window)
        picture = draw(snapshot, look.view.update(snapshot), whole=window == math.inf)
        return Frame(snapshot, picture, look.overview, status(snapshot))
