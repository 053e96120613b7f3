"""`taskqueue status` and `result`: a folder's journal, read while its owner is at work."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, Annotated

import typer

from taskqueue_edu.cli import options
from taskqueue_edu.cli.group import NOT_FINISHED, TASK_FAILED, TIME_IS_UP
from taskqueue_edu.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from taskqueue_edu.journal.follow import Follower
    from taskqueue_edu.record import TaskRecord
    from taskqueue_edu.task import TaskStatus


def status(
    folder: options.Folder,
    task_id: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="Show what happened to this task.", show_default=False),
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="List the tasks that failed or are dead, and why.")
    ] = False,
    dead: Annotated[
        bool,
        typer.Option("--dead", help="List those that took their process down too often, and why."),
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Show a folder's tasks: counts, failures, or one task's history.

    This only reads the journal and the inbox, so it works while another process runs the tasks.
    A task whose process died is shown as running until the folder is opened again, as by
    `taskqueue work`.
    """
    from taskqueue_edu.cli.history import print_history
    from taskqueue_edu.history import read_history
    from taskqueue_edu.journal.follow import Follower
    from taskqueue_edu.task import TaskStatus

    if task_id is not None:
        print_history(read_history(folder, task_id), as_json=as_json)
        return
    with Follower(folder) as follower:
        records = follower.records()
        submitted = follower.ledger.totals["submitted"]
        waiting = sum(record.id not in follower.ledger.records for record in records)
    if dead:
        _print_failed(folder, records, (TaskStatus.DEAD,), as_json=as_json)
    elif failed:
        _print_failed(folder, records, (TaskStatus.FAILED, TaskStatus.DEAD), as_json=as_json)
    else:
        forgotten = submitted + waiting - len(records)
        _print_counts(folder, records, waiting, forgotten, as_json=as_json)


def _print_counts(
    folder: Path, records: list[TaskRecord], waiting: int, forgotten: int, *, as_json: bool
) -> None:
    from taskqueue_edu.task import TaskStatus

    counts = Counter(str(record.status) for record in records)
    types: dict[str, Counter[str]] = {}
    for record in records:
        types.setdefault(record.type, Counter())[str(record.status)] += 1
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "counts": {status: counts[status] for status in TaskStatus},
                "inbox": waiting,
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
    if waiting:
        say(f"{waiting:,} of the pending tasks are in the inbox: no process has taken them in yet.")
    if forgotten:
        say(f"{forgotten:,} older tasks are not counted.")
    if counts[TaskStatus.FAILED] or counts[TaskStatus.DEAD]:
        say(f"Why they failed: taskqueue status {folder} --failed")


def _print_failed(
    folder: Path, records: list[TaskRecord], kinds: tuple[TaskStatus, ...], *, as_json: bool
) -> None:
    from taskqueue_edu.cli.summary import reason
    from taskqueue_edu.history import record_object

    bad = [record for record in records if record.status in kinds]
    if as_json:
        print_json([record_object(record) for record in bad])
        return
    if not bad:
        say(f"No task {'has failed' if len(kinds) > 1 else 'is dead'}.")
        return
    print_table(
        ["id", "type", "runs", "why"],
        [[record.id, record.type, str(record.attempt), reason(record)] for record in bad],
        right="--r",
    )
    say(f"To run one of them again: taskqueue retry {folder} ID")


def result(
    folder: options.Folder,
    task_id: options.TaskIdText,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the task has finished.")] = False,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Wait so long at most: then exit code 124."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Print a task's result, as JSON.

    A task that failed has its error on standard error, and exit code 1; one that has not
    finished, exit code 4. With --json, all of them print an object with status, value, error.

    This only reads, so it works from any process. Somebody has to run the task, of course.
    """
    import msgspec

    from taskqueue_edu.cli.summary import reason
    from taskqueue_edu.history import record_object
    from taskqueue_edu.journal.follow import Follower
    from taskqueue_edu.task import TaskStatus

    if timeout is not None and not (wait and 0 <= timeout <= TIMEOUT_MAX):
        raise typer.BadParameter("give seconds, 0 or more, with --wait", param_hint="--timeout")
    with Follower(folder) as follower:
        record = follower.get(task_id)
        if wait and not record.finished:
            record = _wait(follower, record, timeout)
        inbox = task_id not in follower.ledger.records
    if as_json:
        print_json(record_object(record))
    if record.status is TaskStatus.SUCCEEDED:
        if not as_json:
            typer.echo(msgspec.json.format(record.value, indent=2))
    elif record.status in (TaskStatus.PENDING, TaskStatus.RUNNING):
        where = ", in the inbox" if inbox else ""
        say(f"Task {task_id} ({record.type}) is {record.status}{where}: it has no result yet.")
        say(f"  What to do: run it, if nobody does: taskqueue work {folder}")
        raise typer.Exit(TIME_IS_UP if wait else NOT_FINISHED)
    else:
        say(f"Error: task {task_id} ({record.type}) has no result: {reason(record)}")
        say(f"  What to do: see all of it: taskqueue status {folder} {task_id}")
        raise typer.Exit(TASK_FAILED)


def _wait(follower: Follower, record: TaskRecord, timeout: float | None) -> TaskRecord:
    """Return the record as it is when the task has finished, or when the time is up."""
    from taskqueue_edu.errors import WaitTimeout

    if timeout is None:
        say(f"Task {record.id} ({record.type}) is {record.status}. Ctrl-C ends the wait, only.")
    try:
        return follower.wait(record.id, timeout)
    except WaitTimeout:
        return follower.get(record.id)
