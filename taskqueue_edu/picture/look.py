"""A window on a monitor: the frame, and the whole run in a strip beside it."""

from __future__ import annotations

import math
import time
from typing import Final, NamedTuple

from taskqueue_edu.monitor import Monitor, Snapshot
from taskqueue_edu.picture.frame import draw
from taskqueue_edu.picture.lanes import View
from taskqueue_edu.picture.overview import draw_overview
from taskqueue_edu.picture.words import status

OVERVIEW_EVERY: Final = 1.0
"""Seconds between two pictures of the whole run, which changes less than the rest."""


INTERVAL: Final = 0.2
"""Seconds between two frames, at least."""

_LONGEST: Final = 1.0
"""Seconds between two frames, at most, as far as their cost decides."""

_REST: Final = 150
"""How many times as long as it took to make a frame the next one waits, within those bounds.

The queue that is shown runs on the same interpreter. As long as less than a hundredth of the time
goes into making frames and sending them, 99 of 100 tasks don't wait for one.
"""


def rest(used: float) -> float:
    """Return the seconds to wait after a frame that used the processor for so many seconds."""
    return max(INTERVAL, min(_REST * used, _LONGEST))


class Frame(NamedTuple):
    """What a screen shows at one moment: HTML, and the status in words."""

    snapshot: Snapshot
    picture: str
    overview: str
    status: str


class Look:
    """The last `window` seconds of a monitor, frame after frame: lanes keep their places."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._view = View()
        self._overview, self._due = "", 0.0

    def draw(self, monitor: Monitor) -> Frame:
        """Return the frame of this moment."""
        snapshot = monitor.snapshot(self._window)
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + OVERVIEW_EVERY
            self._overview = draw_overview(monitor.snapshot(math.inf), self._window)
        lanes = self._view.update(snapshot)
        picture = draw(snapshot, lanes, whole=self._window == math.inf)
        return Frame(snapshot, picture, self._overview, status(snapshot))
