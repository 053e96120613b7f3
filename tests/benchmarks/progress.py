"""What the suite is doing right now, on stderr."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar


class Progress:
    """A bar in a terminal, a line a sample elsewhere; nothing at all if it is not wanted."""

    def __init__(self, wanted: bool) -> None:
        """Show nothing yet."""
        self._wanted = wanted
        self._began = time.monotonic()
        self._bar: Bar | None = None
        if wanted and sys.stderr.isatty():
            # No thread that redraws it by itself: that would run beside what is measured.
            self._bar = Bar(
                BarColumn(20),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.description}"),
                console=Console(stderr=True),
                auto_refresh=False,
            )
            self._bar.start()
            self._row = self._bar.add_task("", total=None)

    def show(self, title: str, case: str, done: int, total: int) -> None:
        """Say that `case` runs now, after `done` of `total` samples."""
        if self._bar is not None:
            self._bar.update(self._row, description=f"{title}: {case}", completed=done, total=total)
            self._bar.refresh()
        elif self._wanted:
            seconds = time.monotonic() - self._began
            sys.stderr.write(f"{seconds:6.0f} s  {title}  {done + 1}/{total}  {case}\n")
            sys.stderr.flush()

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()
