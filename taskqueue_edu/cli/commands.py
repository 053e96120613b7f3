"""The commands, in the order of the help: where each of them is, and what the help says of it.

To add one, write a function that takes its arguments and options, as typer has it, and add a line
here. The help is made of these lines. So it needs no module of a command, and typer looks at the
options of the command that was asked for, and of no other: see `Commands.get_command`.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Entry(NamedTuple):
    """A command: the function of that name in `cli/<module>.py`."""

    module: str
    heading: str
    about: str
    """The first line of the function's docstring. A test compares them."""
    example: str


COMMANDS: Final = {
    "lab": Entry(
        "lab",
        "Learn",
        "Open JupyterLab at the first notebook.",
        "taskqueue lab notebooks -- --no-browser --port 8899",
    ),
    "run": Entry(
        "run",
        "Run tasks",
        "Run a workload, and show its progress and a summary.",
        "taskqueue run stdlib --workers 4 --store jobs",
    ),
    "submit": Entry(
        "tasks",
        "Run tasks",
        "Leave a task in a folder, and print its id.",
        "taskqueue submit jobs math operation=sum operands=[1,2,3]",
    ),
    "work": Entry(
        "tasks",
        "Run tasks",
        "Run the tasks that are pending in a folder's journal.",
        "taskqueue work jobs --import my_tasks.py",
    ),
    "cancel": Entry(
        "tasks",
        "Run tasks",
        "Cancel a task that has not finished.",
        "taskqueue cancel jobs 9f3c51a0b7e2-1",
    ),
    "retry": Entry(
        "tasks",
        "Run tasks",
        "Put a failed or dead task back, to be run again.",
        "taskqueue retry jobs 9f3c51a0b7e2-1",
    ),
    "status": Entry(
        "look",
        "Look",
        "Show a folder's tasks: counts, failures, or one task's history.",
        "taskqueue status jobs --failed",
    ),
    "result": Entry(
        "look",
        "Look",
        "Print a task's result, as JSON.",
        "taskqueue result jobs 9f3c51a0b7e2-1 --wait",
    ),
    "watch": Entry(
        "watch",
        "Look",
        "Watch a folder's tasks in the terminal, live.",
        "taskqueue watch jobs --window 300",
    ),
    "dashboard": Entry(
        "dashboard",
        "Look",
        "Show a folder's tasks in the browser, live.",
        "taskqueue dashboard jobs --open",
    ),
    "types": Entry(
        "about",
        "Look",
        "List the task types, with their fields and results.",
        "taskqueue types --import my_tasks.py",
    ),
    "config": Entry(
        "about",
        "Look",
        "Show the settings, and where each of them comes from.",
        "TASKQUEUE_WORKERS=8 taskqueue config",
    ),
    "doctor": Entry(
        "upkeep",
        "Look after",
        "Look for damage in a folder's journal, and change nothing.",
        "taskqueue doctor jobs --repair",
    ),
    "compact": Entry(
        "upkeep",
        "Look after",
        "Make a folder's journal one line a task.",
        "taskqueue compact jobs",
    ),
}
