"""`taskqueue status` and `result`: a folder's journal, read while its owner is at work."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from taskqueue_edu.cli import options
from taskqueue_edu.cli.group import NOT_FINISHED, TASK_FAILED
from taskqueue_edu.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from taskqueue_edu.registry import Registry


def status(
    folder: options.Folder,
    task_id: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="Show what happened to this task.", show_default=False),
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="List the tasks that failed or are dead, and why.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Show a folder's tasks: counts, failures, or one task's history.

    This only reads the journal, so it works while another process runs the tasks. A task whose
    process died is shown as running until the folder is opened again, as by `taskqueue work`.
    """
    from taskqueue_edu.cli.history import print_history, read_task
    from taskqueue_edu.journal import read_facts
    from taskqueue_edu.registry import fold

    if task_id is not None:
        print_history(*read_task(folder, task_id), as_json=as_json)
        return
    registry = fold(read_facts(folder))
    if failed:
        _print_failed(registry, as_json=as_json)
    else:
        _print_counts(folder, registry, as_json=as_json)


def _print_counts(folder: Path, registry: Registry, *, as_json: bool) -> None:
    from taskqueue_edu.task import TaskStatus

    counts = registry.counts()
    types: dict[str, Counter[str]] = {}
    for record in registry.records():
        types.setdefault(record.type, Counter())[str(record.status)] += 1
    forgotten = registry.totals()["submitted"] - sum(counts.values())
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "counts": counts,
                "forgotten": forgotten,
                "types": {name: dict(found) for name, found in sorted(types.items())},
            }
        )
        return
    statuses = [status for status in TaskStatus if counts[status]]
    rows = [
        [name, *(f"{types[name][status]:,}" for status in statuses), f"{types[name].total():,}"]
        for name in sorted(types)
    ]
    if len(rows) != 1:
        rows.append(["all", *(f"{counts[s]:,}" for s in statuses), f"{sum(counts.values()):,}"])
    print_table(["type", *statuses, "total"], rows, right="-" + "r" * (len(statuses) + 1))
    if forgotten:
        say(f"{forgotten:,} older tasks are not counted.")
    if counts[TaskStatus.FAILED] or counts[TaskStatus.DEAD]:
        say(f"Why they failed: taskqueue status {folder} --failed")


def _print_failed(registry: Registry, *, as_json: bool) -> None:
    from taskqueue_edu.cli.history import record_object
    from taskqueue_edu.cli.summary import reason
    from taskqueue_edu.task import TaskStatus

    bad = [r for r in registry.records() if r.status in (TaskStatus.FAILED, TaskStatus.DEAD)]
    if as_json:
        print_json([record_object(record) for record in bad])
        return
    if not bad:
        say("No task has failed.")
        return
    print_table(
        ["id", "type", "runs", "why"],
        [[record.id, record.type, str(record.attempt), reason(record)] for record in bad],
        right="--r",
    )


def result(
    folder: options.Folder, task_id: options.TaskIdText, as_json: options.AsJson = False
) -> None:
    """Print a task's result, as JSON.

    A task that failed has its error on standard error, and exit code 1; one that has not
    finished, exit code 4. With --json, all of them print an object with status, value, error.
    """
    import msgspec

    from taskqueue_edu.cli.history import read_task, record_object
    from taskqueue_edu.cli.summary import reason
    from taskqueue_edu.task import TaskStatus

    record, _ = read_task(folder, task_id)
    if as_json:
        print_json(record_object(record))
    if record.status is TaskStatus.SUCCEEDED:
        if not as_json:
            typer.echo(msgspec.json.format(record.value, indent=2))
    elif record.status in (TaskStatus.PENDING, TaskStatus.RUNNING):
        say(f"Task {task_id} ({record.type}) is {record.status}: it has no result yet.")
        say(f"  What to do: run it, if nobody does: taskqueue work {folder}")
        raise typer.Exit(NOT_FINISHED)
    else:
        say(f"Error: task {task_id} ({record.type}) has no result: {reason(record)}")
        say(f"  What to do: see all of it: taskqueue status {folder} {task_id}")
        raise typer.Exit(TASK_FAILED)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel="Look", epilog="Example: taskqueue status jobs --failed")(status)
    app.command(rich_help_panel="Look", epilog="Example: taskqueue result jobs 9f3c51a0b7e2-1")(
        result
    )
