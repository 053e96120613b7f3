"""The `taskqueue` command.

    commands   the table of the commands: where each is, what the help says of it
    group      help in groups; errors in one line; exit codes
    options    options that several commands share, and the configuration under them
    imports    how the task types of other modules get in
    output     tables, JSON, text that is safe to print
    session    a pool at work until all is done, or until it is stopped
    summary    what came out
    watched    a folder, looked at again and again; screen: as lines of a terminal
    lab, run, tasks, look, watch, dashboard, upkeep, about: the commands

To show its help, the command imports typer and no more. The module of a command is imported when
that command is asked for, and what a command needs besides, when it runs.
"""

from __future__ import annotations

from typing import Annotated

import typer

from taskqueue_edu.cli.group import EXIT_CODES, Commands

app = typer.Typer(
    name="taskqueue",
    cls=Commands,
    help="Run tasks on threads or processes, and keep what becomes of them in a journal.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    # Plain help: it reads well at any width, and it is there in half the time.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"taskqueue {version('taskqueue_edu')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command that the program's arguments name, and exit with its code."""
    app()
