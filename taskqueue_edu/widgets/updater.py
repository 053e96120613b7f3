"""The thread that updates all screens on one source."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from typing import Final, Protocol

from taskqueue_edu.picture.look import rest
from taskqueue_edu.source import Source
from taskqueue_edu.widgets.painter import Painter

MOST_BYTES: Final = 500_000
"""Bytes of HTML a second, in all screens on a source. A notebook's server drops the messages of a
kernel that sends more than 1,000,000: with many screens there are fewer frames."""


def pause(sent: int, took: float, used: float) -> float:
    """Return the seconds to wait after frames of so many bytes.

    They took so many seconds, and used the processor for so many of them.
    """
    return max(rest(used), sent / MOST_BYTES - took)


class Screen(Protocol):
    """What an updater calls five times a second."""

    ended: bool
    """True once it needs no more updates."""

    def draw(self, painter: Painter) -> int:
        """Show what there is now; return how many bytes that took."""

    def update(self, painter: Painter) -> int:
        """Do that, or end, if it is time to."""


class Updater:
    """Updates the screens on a source, in one thread that is there while there is a screen."""

    def __init__(self) -> None:
        # Guards the painter, and what it draws. Who holds it may take `_lock`, never the reverse.
        self._painting = threading.Lock()
        self._painter = Painter()
        self._lock = threading.Lock()  # Guards all below.
        self._screens: list[Screen] = []
        self._thread: threading.Thread | None = None
        self._leave = threading.Event()

    def draw(self, screen: Screen) -> None:
        """Draw a screen at once, in this thread."""
        with self._painting:
            self._painter.next_tick()
            screen.draw(self._painter)

    def add(self, screen: Screen) -> None:
        """Update a screen from now on."""
        with self._lock:
            self._screens.append(screen)
            if self._thread is None:
                self._leave = threading.Event()
                self._thread = threading.Thread(
                    target=self._run,
                    args=(self._leave,),
                    name="taskqueue-live-monitor",
                    daemon=True,
                )
                self._thread.start()

    def remove(self, *screens: Screen) -> None:
        """Update these no more. If no other is left, the thread has ended when this returns."""
        with self._lock:
            self._screens = [screen for screen in self._screens if screen not in screens]
            thread = None
            if not self._screens:
                thread, self._thread = self._thread, None
                self._leave.set()
        if thread not in (None, threading.current_thread()):
            thread.join()

    def abandon(self) -> None:
        """End the thread, and leave all screens as they are."""
        with self._lock:
            screens = tuple(self._screens)
        self.remove(*screens)

    def _run(self, leave: threading.Event) -> None:
        before_next = rest(0.0)
        while not leave.wait(before_next):
            began, used = time.monotonic(), time.thread_time()
            sent = self._update()
            before_next = pause(sent, time.monotonic() - began, time.thread_time() - used)

    def _update(self) -> int:
        with self._lock:
            screens = tuple(self._screens)
        sent = 0
        with self._painting:
            self._painter.next_tick()
            for screen in screens:
                sent += screen.update(self._painter)
        if any(screen.ended for screen in screens):
            self.remove(*(screen for screen in screens if screen.ended))
        return sent


_lock: Final = threading.Lock()  # Guards `_updaters`.
_updaters: Final[weakref.WeakKeyDictionary[Source, Updater]] = weakref.WeakKeyDictionary()


def updater_of(source: Source) -> Updater:
    """Return the one that updates all screens on a source."""
    with _lock:
        return _updaters.setdefault(source, Updater())


@atexit.register
def _at_exit() -> None:
    with _lock:
        updaters = list(_updaters.values())
    for updater in updaters:
        updater.abandon()
