"""The command as a whole: its help in groups, its errors in one line, its exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperGroup

from taskqueue_edu.cli.commands import COMMANDS
from taskqueue_edu.cli.output import say

if TYPE_CHECKING:
    from taskqueue_edu.errors import TaskQueueError

TASK_FAILED: Final = 1
WRONG_INPUT: Final = 2
STORAGE: Final = 3
NOT_FINISHED: Final = 4
TIME_IS_UP: Final = 124
_INTERRUPTED: Final = 130
_NOBODY_READS: Final = 141  # what a shell reports of a program that SIGPIPE ended

# The \b keeps click from filling the lines up.
EXIT_CODES: Final = """\b
Exit codes:
  0    all went well
  1    a task failed, was cancelled, or is dead
  2    something on the command line, in the configuration, in a task
       or in a file of yours is wrong, or isn't there
  3    the journal can't be used: locked, damaged, or the disk is full
  4    the task has not finished yet (result)
  124  stopped by --timeout
  130  stopped by Ctrl-C
  143  stopped by SIGTERM

\b
TASKQUEUE_DEBUG=1 shows the traceback of an error.
"""


class Commands(TyperGroup):
    """Shows its commands under their headings, and turns errors into exit codes."""

    # The base class's arguments have types that typer doesn't export.
    def list_commands(self, _: Any) -> list[str]:
        """Return the names of the commands, in the order of the help."""
        return [*COMMANDS]

    def get_command(self, _: Any, cmd_name: str) -> Any:
        """Return a command, made when it is first asked for; None if there is none of that name.

        So the help is there in 90 ms. It takes 117 if all modules are imported, and typer looks
        at every option in them (medians of 15 turns; `import typer, rich` alone takes 80).
        """
        # For a name that isn't there, typer suggests one that is: it has to know them all.
        for name in [cmd_name] if cmd_name in COMMANDS else COMMANDS:
            if name not in self.commands:
                self.commands[name] = _made(name)
        return self.commands.get(cmd_name)

    def format_commands(self, _: Any, formatter: Any) -> None:
        """Write the list of commands, a section for each heading."""
        sections: dict[str, list[tuple[str, str]]] = {}
        width = max(map(len, COMMANDS))
        for name, entry in COMMANDS.items():
            sections.setdefault(entry.heading, []).append((name.ljust(width), entry.about))
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Raises typer.Exit with the code that EXIT_CODES lists."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except BrokenPipeError as error:
            # Whoever read the output has seen enough. Python flushes once more at its exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise typer.Exit(_NOBODY_READS) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(_INTERRUPTED) from error
        except Exception as error:
            from taskqueue_edu.errors import StorageError, TaskQueueError

            if not isinstance(error, TaskQueueError):
                raise
            _show(error)
            raise typer.Exit(STORAGE if isinstance(error, StorageError) else WRONG_INPUT) from error


def _made(name: str) -> Any:
    entry = COMMANDS[name]
    function = getattr(import_module(f"taskqueue_edu.cli.{entry.module}"), name)
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(epilog=f"Example: {entry.example}")(function)
    return typer.main.get_command(app)


def _show(error: TaskQueueError) -> None:
    if os.environ.get("TASKQUEUE_DEBUG"):
        traceback.print_exception(error)
        return
    for text in (f"Error: {error}", *getattr(error, "__notes__", ())):
        say(text)
