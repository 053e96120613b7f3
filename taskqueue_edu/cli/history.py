"""One task in the terminal."""

from __future__ import annotations

from datetime import datetime

import typer

from taskqueue_edu.cli.output import plain, print_json, print_table
from taskqueue_edu.history import History, fact_object, record_object
from taskqueue_edu.monitor import duration


def print_history(history: History, *, as_json: bool) -> None:
    """Print what happened to a task, what is asked for it, and how it ended."""
    if as_json:
        objects = [fact_object(fact) for fact in history.facts]
        objects += [{**fact_object(request), "inbox": True} for request in history.requests]
        print_json({**record_object(history.record), "facts": objects})
        return
    rows: list[list[str]] = []
    before, day = 0, ""
    for at, kind, note in history.events():
        date, time = _local(at)
        shown = time if date == day else f"{date} {time}"
        after = f"+{duration((at - before) / 1e9)}" if 0 < before <= at else ""
        rows.append([shown, after, kind, note])
        before, day = at, date
    print_table(["time", "", "fact", ""], rows, right="r")
    failure = history.failure()
    if failure is not None and failure.traceback:
        typer.echo(f"\nThe last failure:\n{plain(failure.traceback.rstrip())}")


def _local(nanoseconds: int) -> tuple[str, str]:
    """Return the date and the time of day where this machine is."""
    time = datetime.fromtimestamp(nanoseconds / 1e9).astimezone()
    return time.strftime("%Y-%m-%d"), time.strftime("%H:%M:%S.%f")[:-3]
