"""`taskqueue submit`, `work`, `retry`: the tasks in a folder's journal."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Annotated

import typer

from taskqueue_edu.cli import options
from taskqueue_edu.cli.output import say


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
        int, typer.Option(metavar="N", help="A task with a higher one runs first.")
    ] = 0,
    delay: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Run it so much later at the earliest.")
    ] = 0.0,
    imports: options.Imports = None,
    sync: options.Sync = None,
    config_file: options.ConfigFile = None,
) -> None:
    """Put a task into a folder's journal, and print its id.

    Nothing runs it before `taskqueue work` does.
    """
    from taskqueue_edu.catalogue import catalogue
    from taskqueue_edu.cli.imports import import_types

    if payload is not None and fields:
        raise typer.BadParameter("give either FIELD=VALUE or --json, not both")
    config = options.load_config(config_file, sync=sync)
    import_types(imports)
    given = _object(fields or ()) if payload is None else payload.encode("utf-8", "replace")
    task = catalogue.decode(name, given)
    with closing(options.open_queue(folder, config)) as queue:
        # Nobody takes tasks out while this command waits for a place, so it doesn't wait.
        typer.echo(queue.submit(task, priority=priority, delay=delay, timeout=0))


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
        ids = session.watch_unfinished()
        stopped = session.run(total=session.known, forever=forever)
        outcome = Outcome(session, ids)
        outcome.print(str(folder))
        if stopped:
            say("\nStopped. What has not finished is in the journal, for the next time.")
        session.exit(stopped or outcome.code)


def retry(
    folder: options.Folder,
    task_id: options.TaskIdText,
    config_file: options.ConfigFile = None,
) -> None:
    """Put a failed or dead task back, to be run again.

    Its attempts count from 1 again. `taskqueue work` runs it.
    """
    config = options.load_config(config_file)
    with closing(options.open_queue(folder, config)) as queue:
        queue.revive(task_id, "put back by `taskqueue retry`")
    say(f"Task {task_id} is pending. To run it: taskqueue work {folder}")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        rich_help_panel="Run tasks",
        epilog="Example: taskqueue submit jobs math operation=sum operands=[1,2,3]",
    )(submit)
    app.command(
        rich_help_panel="Run tasks", epilog="Example: taskqueue work jobs --import my_tasks.py"
    )(work)
    app.command(rich_help_panel="Run tasks", epilog="Example: taskqueue retry jobs 9f3c51a0b7e2-1")(
        retry
    )
