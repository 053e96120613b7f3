"""LiveMonitor: the queue as a picture in a notebook that moves while the tasks run."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Self

from taskqueue_edu.journal import FollowedJournal
from taskqueue_edu.monitor import Monitor, Snapshot
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.recording import Recording
from taskqueue_edu.source import Source
from taskqueue_edu.widgets.player import Player
from taskqueue_edu.widgets.screen import Screen
from taskqueue_edu.widgets.updater import updater_of


class LiveMonitor:
    """Shows in a notebook what a queue does, while it does it.

        with LiveMonitor(queue):
            queue.join()

    Throughput, depth, how long tasks wait and how long they run, and a lane for each worker,
    up to five times a second. When it stops, a picture of the run takes its place, so that a saved
    notebook shows something too. A queue may have many, each with a window of its own; one
    thread updates them all. The buttons work whenever no cell blocks the kernel: a cell that waits
    should do so with `await queue.drained()`.

    It also stops when the queue is closed, when its cell runs again, and when nothing refers to
    it any more: keep it in a variable, or end a cell with it.
    """

    def __init__(
        self,
        source: TaskQueue | Monitor | Source | str | os.PathLike[str],
        window: float = 30.0,
    ) -> None:
        """Watch a queue, a monitor, or the folder of a queue that another process owns.

        `window`: how many seconds the picture looks back to begin with, `math.inf` for all since
        the first task. Raises ValueError below 5, StorageError if the folder has no journal.
        """
        if not window >= 5.0:
            raise ValueError(f"window is {window!r}, expected 5 seconds or more")
        if isinstance(source, (str, os.PathLike)):
            followed = FollowedJournal(source)
            weakref.finalize(self, followed.close)
            self._monitor = Monitor(followed)
        elif isinstance(source, Monitor):
            self._monitor = source
        else:
            self._monitor = Monitor.shared(source)
        self._window = float(window)
        self._player: Player | None = None
        self._updater = updater_of(self._monitor.source)
        self._lock = threading.Lock()  # Guards `_screens`.
        self._screens: list[Screen] = []

    @classmethod
    def replay(cls, path: str | os.PathLike[str], speed: float = 1.0, window: float = 30.0) -> Self:
        """Show a run that is over: of a queue's folder, its journal, or a log that was saved.

        It plays `speed` times as fast as it was. One can pause it, and go to any moment. Raises
        ValueError for a speed that is not positive, or if nothing happened; StorageError.
        """
        player = Player(Recording.load(path), speed)
        live = cls(player.monitor, window)
        live._player = player
        weakref.finalize(live, player.close)
        return live

    @property
    def monitor(self) -> Monitor:
        """What it shows: counts, rates and latencies."""
        return self._monitor if self._player is None else self._player.monitor

    def show(self) -> None:
        """Show it under the cell that calls this, from now until `stop`."""
        now, more = self.monitor.source.now(), [self._player.box] if self._player else []
        screen = Screen(weakref.ref(self), now, self._window, *more)
        with self._lock:
            self._screens = [one for one in self._screens if not one.ended] + [screen]
        updater = self._updater

        def take_away() -> None:
            updater.remove(screen)
            screen.close()

        try:
            updater.draw(screen)
            screen.display(take_away)
            updater.add(screen)
        except BaseException:  # an interrupt, perhaps: `with` does not call __exit__ then
            updater.remove(screen)
            screen.end(self.monitor)
            raise

    def stop(self) -> None:
        """End the updates and leave a picture of the run. Stopping twice is fine."""
        with self._lock:
            screens, self._screens = self._screens, []
        self._updater.remove(*screens)
        for screen in screens:
            screen.end(self.monitor)
        if self._player is not None:
            self._player.close()

    def summary(self) -> str:
        """Return counts, and percentiles over the whole run, as a few lines of text."""
        return self.monitor.summary()

    def advance(self) -> None:
        """Play on, if this is a replay. The updater calls it before a frame."""
        if self._player is not None:
            self._player.step()

    def over(self, snapshot: Snapshot) -> bool:
        """Tell whether the queue is closed, and no task runs any more."""
        queue = self.monitor.queue
        return queue is not None and queue.closed and not snapshot.busy

    def __enter__(self) -> Self:
        self.show()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # IPython calls this for the last value of a cell. With _repr_mimebundle_ it would make the
    # output itself, one without a display id, which can't be replaced when the monitor stops.
    def _ipython_display_(self) -> None:
        self.show()
