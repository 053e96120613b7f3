"""LiveMonitor: the queue as a picture in a notebook that moves while the tasks run."""

from __future__ import annotations

import atexit
import base64
import math
import threading
import weakref
from html import escape
from typing import Any, Final, Self

from IPython.core.getipython import get_ipython
from IPython.display import DisplayHandle
from ipywidgets import HTML, VBox

from taskqueue_edu import facts
from taskqueue_edu.monitor import Monitor, Snapshot
from taskqueue_edu.picture.charts import HALF_SECOND, age
from taskqueue_edu.picture.frame import draw
from taskqueue_edu.picture.lanes import View
from taskqueue_edu.picture.style import STYLE
from taskqueue_edu.picture.words import status
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.source import Source

INTERVAL: Final = 0.2
"""Seconds between two frames."""

TEXT: Final = "LiveMonitor: run this cell to see it live"
"""The output as text: the same after every run, so that a saved notebook can be compared."""


class LiveMonitor:
    """Shows in a notebook what a queue does, while it does it.

        with LiveMonitor(queue):
            queue.join()

    Throughput, depth, how long tasks wait and how long they run, and a lane for each worker,
    five times a second. When it stops, a picture of the run takes its place, so that a saved
    notebook shows something too. A queue has one live monitor: showing another stops the
    earlier one.

    It also stops when the queue is closed, and when nothing refers to it any more: keep it in
    a variable, or end a cell with it.
    """

    def __init__(self, source: TaskQueue | Monitor, window: float = 30.0) -> None:
        """`window`: how many seconds the picture looks back. Raises ValueError below 5."""
        if not 5.0 <= window < math.inf:
            raise ValueError(f"window is {window!r}, expected 5 seconds or more")
        self._monitor = source if isinstance(source, Monitor) else Monitor.shared(source)
        self._window = float(window)
        self._screen: _Screen | None = None

    def show(self) -> None:
        """Show it under the cell that calls this, from now until `stop`."""
        _stop_earlier(self._monitor.source, self)
        self._screen = _Screen(self._monitor, self._window)
        try:
            self._screen.start(weakref.ref(self))
        except BaseException:  # an interrupt, perhaps: `with` does not call __exit__ then
            self._screen.end()
            raise

    def stop(self) -> None:
        """End the updates and leave a picture of the run. Stopping twice is fine."""
        if self._screen is not None:
            self._screen.end()

    def summary(self) -> str:
        """Return counts, and percentiles over the whole run, as a few lines of text."""
        return self._monitor.summary()

    def __enter__(self) -> Self:
        self.show()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # IPython calls this for the last value of a cell. With _repr_mimebundle_ it would make the
    # output itself, one without a display id, which can't be replaced when the monitor stops.
    def _ipython_display_(self) -> None:
        self.show()


class _Screen:
    """One output in a notebook: its widgets, and the thread that updates them."""

    def __init__(self, monitor: Monitor, window: float) -> None:
        self._monitor = monitor
        self._window = window
        self._since = facts.now()
        self._view = View()
        self._picture, self._status = HTML(), HTML()
        self._box = VBox([HTML(STYLE), self._picture, self._status])
        self._box.add_class("taskqueue-monitor")
        self._output: Any = None
        self._leave = threading.Event()
        self._thread: threading.Thread | None = None
        # Guards `_ended`: one thread ends the screen, and another that wants to waits for it.
        self._ending = threading.Lock()
        self._ended = False

    def start(self, owner: weakref.ref[LiveMonitor]) -> None:
        self._frame()
        if get_ipython() is not None:  # else there is nowhere to show it
            view = {"version_major": 2, "version_minor": 0, "model_id": self._box.model_id}
            self._output = DisplayHandle()
            self._output.display(
                {"application/vnd.jupyter.widget-view+json": view, "text/plain": TEXT}, raw=True
            )
        self._thread = threading.Thread(
            target=self._update, args=(owner,), name="taskqueue-live-monitor", daemon=True
        )
        self._thread.start()

    # -- the thread

    def _update(self, owner: weakref.ref[LiveMonitor]) -> None:
        while not self._leave.wait(INTERVAL):
            if owner() is None:
                self._say(
                    "Stopped: nothing refers to this monitor any more. Keep it in a variable: "
                    "monitor = LiveMonitor(queue)"
                )
                return
            if self._box.comm is None:  # somebody closed the widgets
                return
            try:
                snapshot = self._frame()
            except Exception as error:  # whatever it is, it belongs on the screen
                self._say_why(error)
                return
            queue = self._monitor.queue
            if queue is not None and queue.closed and not snapshot.busy:
                self._finish()
                return

    def _frame(self) -> Snapshot:
        snapshot = self._monitor.snapshot(self._window)
        self._picture.value = draw(snapshot, self._view.update(snapshot))
        # While it changes all the time, a screen reader should not read it out by itself.
        self._say(status(snapshot), "off")
        return snapshot

    def _say(self, text: str, live: str = "polite") -> None:
        self._status.value = (
            f'<p class="tq-status" role="status" aria-live="{live}">{escape(text)}</p>'
        )

    def _say_why(self, error: Exception) -> None:
        self._say(f"Stopped by an error: {type(error).__name__}: {error}")

    # -- the end

    def end(self) -> None:
        """Stop the thread, draw what there is now, and put a PNG in place of the widgets."""
        self.abandon()
        self._finish()

    def abandon(self) -> None:
        """Stop the thread, and leave everything as it is."""
        self._leave.set()
        thread = self._thread
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join()

    def _finish(self) -> None:
        with self._ending:
            if self._ended or self._box.comm is None:
                return
            self._ended = True
            try:
                self._frame()
                if self._output is not None:
                    self._leave_picture()
            except Exception as error:
                self._say_why(error)
            else:
                for widget in (*self._box.children, self._box):
                    widget.close()

    def _leave_picture(self) -> None:
        snapshot, seconds = self._whole_run()
        # It takes half a second to import matplotlib: not before the picture is needed.
        from taskqueue_edu.widgets.final import draw_final
        from taskqueue_edu.widgets.page import WIDTH

        png = base64.b64encode(draw_final(snapshot, seconds)).decode()
        described = f"{status(snapshot)} {self._monitor.summary()}"
        self._output.update(
            {"image/png": png, "text/plain": TEXT},
            raw=True,
            metadata={"image/png": {"width": WIDTH, "alt": described}},
        )

    def _whole_run(self) -> tuple[Snapshot, float]:
        """Return what happened while this was shown, or the last hour if nothing did."""
        everything = self._monitor.snapshot(3600.0, to_now=True)
        seconds = max((everything.at - self._since) / 1e9, HALF_SECOND)
        snapshot = self._monitor.snapshot(seconds, to_now=True)
        if not age(snapshot):
            snapshot, seconds = everything, max(age(everything), HALF_SECOND)
        return snapshot, min(seconds, snapshot.seconds)


_lock: Final = threading.Lock()  # Guards `_shown`: the newest monitor of each source.
_shown: Final[weakref.WeakKeyDictionary[Source, weakref.ref[LiveMonitor]]] = (
    weakref.WeakKeyDictionary()
)


def _stop_earlier(source: Source, monitor: LiveMonitor) -> None:
    with _lock:
        earlier = _shown.get(source, lambda: None)()
        _shown[source] = weakref.ref(monitor)
    if earlier is not None:
        earlier.stop()


@atexit.register
def _at_exit() -> None:
    with _lock:
        monitors = [shown() for shown in _shown.values()]
    for monitor in monitors:
        if monitor is not None and monitor._screen is not None:
            monitor._screen.abandon()
