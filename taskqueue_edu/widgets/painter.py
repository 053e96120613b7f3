"""What the screens on one source show: drawn once for all that show the same."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from taskqueue_edu.monitor import Monitor
from taskqueue_edu.picture.look import Frame, Look


class _Shown:
    """What a window showed last, and at which tick."""

    def __init__(self, window: float) -> None:
        self.look = Look(window)
        self.tick = -1
        self.frame: Frame | None = None


class Painter:
    """Draws frames, each window of each monitor once a tick. It keeps no monitor alive."""

    def __init__(self) -> None:
        self._windows: WeakKeyDictionary[Monitor, dict[float, _Shown]] = WeakKeyDictionary()
        self._tick = 0

    def next_tick(self) -> None:
        """Let frames be drawn anew; forget the windows that nobody looked through last time."""
        for windows in self._windows.values():
            for window in [w for w, shown in windows.items() if shown.tick < self._tick]:
                del windows[window]
        self._tick += 1

    def frame(self, monitor: Monitor, window: float) -> Frame:
        """Return the last `window` seconds of a monitor as they are at this tick."""
        shown = self._windows.setdefault(monitor, {}).setdefault(window, _Shown(window))
        if shown.frame is None or shown.tick != self._tick:
            shown.tick = self._tick
            shown.frame = shown.look.draw(monitor)
        return shown.frame
