"""Progress for people, on one line: in a terminal, or under a notebook cell."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable
from typing import Any, Final, Self, TextIO

from taskqueue_edu import facts
from taskqueue_edu.monitor import Monitor, Snapshot, duration
from taskqueue_edu.queue import TaskQueue

INTERVAL: Final = 0.2
"""Seconds between two updates."""


def progress_line(snapshot: Snapshot, total: int | None = None) -> str:
    """Say in one line how far the work is. `total`: how many tasks there will be, if known.

    `p95` is that of how long the runs took.
    """
    totals = snapshot.totals  # `counts` leaves out the tasks that are no longer kept
    bad = totals[facts.FAILED] + totals[facts.DIED] - totals[facts.REVIVED]
    done = totals[facts.SUCCEEDED] + totals[facts.CANCELLED] + bad
    parts = [f"{done:,}/{total:,} done" if total is not None else f"{done:,} done"]
    if total:
        parts[0] += f" ({done / total:.0%})"
    if bad:
        parts.append(f"{bad:,} failed")
    parts += [
        f"{snapshot.depth:,} waiting",
        f"{len(snapshot.busy)}/{snapshot.workers} busy",
        f"{snapshot.throughput:,.1f}/s",
    ]
    if snapshot.throughput > 0 and total is not None and done < total:
        parts.append(f"{duration((total - done) / snapshot.throughput)} left")
    if snapshot.paused:
        parts.append("paused")
    if (p95 := snapshot.running.p95) == p95:
        parts.append(f"p95 {duration(p95)}")
    return " | ".join(parts)


def fitted(line: str, width: int) -> str:
    """Return as many parts of a progress line as `width` columns have room for, one at least."""
    while len(line) > width and " | " in line:
        line = line.rpartition(" | ")[0]
    return line[:width]


class Reporter:
    """Shows the progress of a queue while its `with` block runs.

        with Reporter(queue, total=len(ids)):
            queue.join()

    `total` is how many tasks there will be, or a function that says it where more may come in. A
    thread writes the line, five times a second. In a terminal that is standard error; in a
    notebook a widget under the cell; elsewhere (a log file) only the last line is written.
    """

    def __init__(
        self,
        queue: TaskQueue,
        total: int | Callable[[], int] | None = None,
        *,
        stream: TextIO | None = None,
    ) -> None:
        # A queue that was opened anew has the facts of earlier runs in its log.
        self._monitor = Monitor(queue, history=False)
        self._total = total
        self._stop = threading.Event()
        self._show, self._live = _writer(stream)
        self._thread = threading.Thread(target=self._loop, name="taskqueue-reporter", daemon=True)

    def _line(self, seconds: float) -> str:
        snapshot = self._monitor.snapshot(seconds)  # first: what is done by then, is in the total
        total = self._total() if callable(self._total) else self._total
        return progress_line(snapshot, total)

    def _loop(self) -> None:
        while not self._stop.wait(INTERVAL):
            self._show(self._line(30.0), False)

    def __enter__(self) -> Self:
        if self._live:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._live:
            self._thread.join()
        self._show(self._line(3600.0), True)


def _writer(stream: TextIO | None) -> tuple[Callable[[str, bool], None], bool]:
    """Choose how to show a line: the function, and whether it can show one again and again."""
    if stream is None and "ipykernel" in sys.modules:
        label = _notebook_label()
        if label is not None:
            return lambda line, _: setattr(label, "value", line), True
    out = stream or sys.stderr
    live = out.isatty()

    def show(line: str, last: bool) -> None:
        if live:
            width = shutil.get_terminal_size().columns - 1
            line = "\r\x1b[2K" + fitted(line, width)
        out.write(line + ("\n" if last else ""))
        out.flush()

    return show, live


def _notebook_label() -> Any:
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import display
        from ipywidgets import Label
    except ImportError:
        return None
    if get_ipython() is None:
        return None
    label = Label("starting")
    display(label)
    return label
