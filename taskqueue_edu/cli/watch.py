"""`taskqueue watch`: a folder's tasks in the terminal, while their owner is at work."""

from __future__ import annotations

import math
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Final

import typer

from taskqueue_edu.cli import options

if TYPE_CHECKING:
    from taskqueue_edu.cli.screen import Screen
    from taskqueue_edu.journal import FollowedJournal
    from taskqueue_edu.monitor import Monitor

INTERVAL: Final = 0.25
"""Seconds between two frames."""

_FAILURES: Final = 5


def watch(
    folder: options.Folder,
    window: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=5, help="How far to look back; `inf` for all of it."),
    ] = 60.0,
    once: Annotated[
        bool, typer.Option("--once", help="Show it once, and end. A pipe or a file gets so much.")
    ] = False,
) -> None:
    """Watch a folder's tasks in the terminal, live.

    Counts, rates, how many wait and how long, what each worker runs, and the last failures. It
    only reads the journal, so it works while another process runs the tasks. Ctrl-C ends it.
    """
    from taskqueue_edu.journal import FollowedJournal
    from taskqueue_edu.monitor import Monitor

    with closing(FollowedJournal(folder)) as journal:
        monitor = Monitor(journal)
        if once or not sys.stdout.isatty():
            _show_once(frame(journal, monitor, window))
        else:
            _show(journal, monitor, window)


def frame(journal: FollowedJournal, monitor: Monitor, window: float = math.inf) -> Screen:
    """Return what there is to see now. Raises StorageError."""
    from taskqueue_edu import facts
    from taskqueue_edu.cli.screen import Failure, Screen
    from taskqueue_edu.history import why

    snapshot = monitor.snapshot(window)
    bad = [run for run in snapshot.runs if run.outcome in (facts.FAILED, facts.DIED)]
    newest = {run.task_id: run for run in reversed(bad)}
    failures = []
    for task_id in [*newest][:_FAILURES]:
        record = journal.get(task_id)
        failures.append(Failure(task_id, record.type, why(record)))
    return Screen(str(journal.folder), snapshot, failures)


def _show_once(screen: Screen) -> None:
    from rich.console import Console

    terminal = sys.stdout.isatty()
    Console(highlight=False, width=None if terminal else 80, height=1_000).print(screen)


def _show(journal: FollowedJournal, monitor: Monitor, window: float) -> None:
    from rich.console import Console
    from rich.live import Live

    pause = threading.Event()  # nobody sets it: Ctrl-C ends the wait
    with Live(console=Console(highlight=False), screen=True, auto_refresh=False) as live:
        while True:
            live.update(frame(journal, monitor, window), refresh=True)
            pause.wait(INTERVAL)
