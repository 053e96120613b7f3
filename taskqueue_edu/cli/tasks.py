"""`taskqueue submit`, `work`, `cancel`, `retry`: the tasks in a folder's journal.

All but `work` leave a request in the folder's inbox. So they return at once, whether or not a
process works there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from taskqueue_edu.cli import options
from taskqueue_edu.cli.output import say

if TYPE_CHECKING:
    from taskqueue_edu.facts import Submission
    from taskqueue_edu.limits import Limits

# The limits of TaskQueue.submit().
_MOST_PRIORITY = 2**53 - 1
_MOST_DELAY = 1e10


def submit(
    folder: options.NewFolder,
    name: Annotated[
        str, typer.Argument(metavar="TYPE", help="A task type: see `taskqueue types`.")
    ],
    fields: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FIELD=VALUE",
            help="The task's fields. A value is JSON if it can be read as JSON, else a string.",
            show_default=False,
        ),
    ] = None,
    payload: Annotated[
        str | None,
        typer.Option("--json", metavar="OBJECT", help="All fields as one JSON object instead."),
    ] = None,
    priority: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=-_MOST_PRIORITY,
            max=_MOST_PRIORITY,
            help="A task with a higher one runs first.",
        ),
    ] = 0,
    delay: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0,
            max=_MOST_DELAY,
            help="Run it so much later at the earliest.",
        ),
    ] = 0.0,
    imports: options.Imports = None,
    config_file: options.ConfigFile = None,
) -> None:
    """Leave a task in a folder, and print its id.

    The task is on the disk when this returns, at once, whether or not a process works there. One
    that does (`taskqueue work`) takes it in straight away; else the next one finds it.
    """
    from taskqueue_edu.cli.imports import import_types
    from taskqueue_edu.journal import Inbox

    if payload is not None and fields:
        raise typer.BadParameter("give either FIELD=VALUE or --json, not both")
    if math.isnan(delay):
        raise typer.BadParameter("give seconds, 0 or more", param_hint="--delay")
    limits = options.load_config(config_file).limits
    import_types(imports)
    given = _object(fields or ()) if payload is None else payload.encode("utf-8", "replace")
    submission = _checked(name, given, priority, delay, limits)
    typer.echo(Inbox(folder).submit(submission))


def _checked(name: str, given: bytes, priority: int, delay: float, limits: Limits) -> Submission:
    """Return what to ask for. Raises UnknownTaskType, InvalidTask."""
    from taskqueue_edu.catalogue import catalogue
    from taskqueue_edu.facts import Submission

    payload, _ = catalogue.encode(catalogue.decode(name, given))
    limits.check(payload, name)
    due = time.time() + delay if delay else None
    return Submission(name, None, payload, priority, due, catalogue.get(name).retry)


def _object(fields: Sequence[str]) -> bytes:
    """Return a JSON object of FIELD=VALUE texts. Raises CommandError, BadParameter."""
    import msgspec

    from taskqueue_edu.cli.errors import CommandError

    found: dict[str, msgspec.Raw | str] = {}
    for field in fields:
        name, equals, value = field.partition("=")
        if not (name and equals):
            raise typer.BadParameter(f"{field!r} is not FIELD=VALUE", param_hint="FIELD=VALUE")
        if name in found:
            raise typer.BadParameter(f"the field {name!r} is there twice", param_hint="FIELD=VALUE")
        try:
            msgspec.json.decode(value)
        except (ValueError, RecursionError):
            found[name] = value
        else:
            found[name] = msgspec.Raw(value)  # as it was written: no digit gets lost
    try:
        return msgspec.json.encode(found)
    except UnicodeEncodeError as error:
        raise CommandError("a value is not UTF-8", hint="write it as JSON, with \\u...") from error


def work(
    folder: options.Folder,
    workers: options.Workers = None,
    processes: options.Processes = False,
    forever: Annotated[
        bool,
        typer.Option(
            "--forever/--until-empty",
            help="Stay until Ctrl-C; or end when all tasks have, delayed ones too.",
        ),
    ] = False,
    imports: options.Imports = None,
    attempts: options.Attempts = None,
    sync: options.Sync = None,
    retain: options.Retain = None,
    config_file: options.ConfigFile = None,
) -> None:
    """Run the tasks that are pending in a folder's journal.

    A task that comes in meanwhile, by `taskqueue submit`, is run too.

    Ctrl-C stops it cleanly: running tasks get a few seconds, and go back into the journal if
    they don't finish. A second Ctrl-C ends it at once; nothing is lost by that either.
    """
    from taskqueue_edu.cli.imports import import_types
    from taskqueue_edu.cli.session import Session
    from taskqueue_edu.cli.summary import Outcome

    config = options.load_config(
        config_file, workers=workers, attempts=attempts, sync=sync, retain=retain
    )
    import_types(imports)
    with (
        closing(options.open_queue(folder, config)) as queue,
        Session(queue, config.workers, processes=processes) as session,
    ):
        stopped = session.run(total=None if forever else lambda: session.known, forever=forever)
        outcome = Outcome(session, session.ids())
        outcome.print(str(folder))
        session.say_unknown()
        if stopped:
            say("\nStopped. What has not finished is in the journal, for the next time.")
        session.exit(stopped or outcome.code)


def cancel(folder: options.Folder, task_id: options.TaskIdText) -> None:
    """Cancel a task that has not finished.

    A pending task will not run. A running one is asked to stop, which it may do at its next
    checkpoint. This returns at once; `taskqueue result --wait` tells how it ended.
    """
    from taskqueue_edu.cli.errors import CommandError
    from taskqueue_edu.journal import Inbox
    from taskqueue_edu.journal.follow import Follower
    from taskqueue_edu.task import TaskStatus

    with Follower(folder) as follower:
        record = follower.get(task_id)
    assert record.status is not None
    if record.status.finished:
        raise CommandError(f"task {task_id} is {record.status} already", hint="")
    Inbox(folder).cancel(task_id, "cancelled by `taskqueue cancel`")
    if record.status is TaskStatus.RUNNING:
        say(f"Task {task_id} is running, and will be asked to stop.")
    else:
        say(f"Task {task_id} will be cancelled by the process that works on {folder}.")


def retry(folder: options.Folder, task_id: options.TaskIdText) -> None:
    """Put a failed or dead task back, to be run again.

    Its attempts count from 1 again. `taskqueue work` runs it.
    """
    from taskqueue_edu.cli.errors import CommandError
    from taskqueue_edu.journal import Inbox
    from taskqueue_edu.journal.follow import Follower
    from taskqueue_edu.task import TaskStatus

    with Follower(folder) as follower:
        status = follower.get(task_id).status
    if status not in (TaskStatus.FAILED, TaskStatus.DEAD):
        raise CommandError(
            f"task {task_id} is {status}",
            hint="only a task that failed or is dead can be put back.",
        )
    Inbox(folder).revive(task_id, "put back by `taskqueue retry`")
    say(f"Task {task_id} is pending. To run it: taskqueue work {folder}")
