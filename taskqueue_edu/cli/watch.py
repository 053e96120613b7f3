"""`taskqueue watch`: a folder's tasks in the terminal, live, while their owner is at work."""

from __future__ import annotations

import math
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from taskqueue_edu.cli import options
from taskqueue_edu.cli.output import console

if TYPE_CHECKING:
    from rich.console import Console

    from taskqueue_edu.cli.watched import Watched

INTERVAL: Final = 0.2
"""Seconds between two looks at the journal."""
_PIPE: Final = (80, 40)
"""Columns and lines of the frame where there is no terminal."""


def watch(
    folder: options.Folder,
    window: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=1, help="Show the last SECONDS; inf: the whole run."),
    ] = 60,
    once: Annotated[bool, typer.Option("--once", help="Print one frame, and exit.")] = False,
) -> None:
    """Watch a folder's tasks in the terminal, live.

    It shows who is at work, how many tasks there are of each kind, throughput, latency and
    the number of tasks that wait as curves, what each worker runs, and the last failures. The
    curves of waiting and running show the 95th percentile.

    This only reads the journal and the inbox, so it works while another process runs the
    tasks, and when none does. What has no room is left out: make the terminal larger to see
    more. Where the output is no terminal, one frame is printed.

    q or Ctrl-C ends it, with exit code 0.
    """
    from taskqueue_edu.cli.screen import screen
    from taskqueue_edu.cli.watched import Watched

    if math.isnan(window):
        raise typer.BadParameter("give seconds, 1 or more, or inf", param_hint="--window")
    # A terminal that can't move its cursor gets one frame, as a file does.
    out = console()
    live = sys.stdout.isatty() and not out.is_dumb_terminal and not once
    with closing(Watched(folder, window)) as watched:
        if live:
            with suppress(KeyboardInterrupt):
                _show(watched, out)
            return
        width, height = out.size if sys.stdout.isatty() else _PIPE
        for line in screen(watched.view(), width, height, ascii_only=out.options.ascii_only):
            line.rstrip()
            out.print(line, soft_wrap=True)


def _show(watched: Watched, out: Console) -> None:
    """Show frames until somebody presses q. Raises KeyboardInterrupt, StorageError."""
    from rich.console import Group
    from rich.live import Live

    from taskqueue_edu.cli.screen import screen

    with _keyboard() as enough, Live(console=out, screen=True, auto_refresh=False) as live:
        size = None
        while True:
            if watched.changed() or out.size != size:
                size = out.size
                ascii_only = out.options.ascii_only
                lines = screen(watched.view(), size.width, size.height, ascii_only=ascii_only)
                live.update(Group(*lines), refresh=True)
            if enough():
                return


@contextmanager
def _keyboard() -> Iterator[Callable[[], bool]]:
    """Give a function that waits for INTERVAL, or for q, and tells if q was pressed.

    Meanwhile keys are not shown, Ctrl-Z does nothing, and SIGTERM leaves the terminal in order.
    """
    import termios
    import tty

    keyboard = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
    before = None if keyboard is None else termios.tcgetattr(keyboard)
    handlers = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, _terminate),
        signal.SIGTSTP: signal.signal(signal.SIGTSTP, signal.SIG_IGN),
    }

    def enough() -> bool:
        ready, _, _ = select.select([] if keyboard is None else [keyboard], [], [], INTERVAL)
        if not ready:
            return False
        keys = os.read(ready[0], 1_000)
        return b"q" in keys.lower() or not keys  # nothing: the terminal is gone

    try:
        if keyboard is not None:
            tty.setcbreak(keyboard)
        yield enough
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if keyboard is not None and before is not None:
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _terminate(number: int, _: object) -> NoReturn:
    raise typer.Exit(128 + number)
