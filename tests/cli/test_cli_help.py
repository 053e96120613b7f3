"""The help, and what it costs to show it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

COMMANDS = (
    "lab",
    "run",
    "submit",
    "work",
    "cancel",
    "retry",
    "status",
    "result",
    "watch",
    "dashboard",
    "types",
    "config",
    "doctor",
    "compact",
)
HEADINGS = ["Learn", "Run tasks", "Look", "Look after"]


def test_help_lists_every_command_under_a_heading(call: Callable[..., Any]) -> None:
    """The help has each command once, below one of four headings."""
    text = call("--help").stdout
    sections = re.split(rf"^({'|'.join(HEADINGS)}):$", text, flags=re.MULTILINE)
    assert sorted(sections[1::2]) == sorted(HEADINGS)
    listed = re.findall(r"^  ([a-z]+) +[A-Z]", "".join(sections[2::2]), flags=re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)


def test_help_documents_exit_codes(call: Callable[..., Any]) -> None:
    """Every exit code that the command chooses is in its help."""
    text = call("-h").stdout
    for code in (0, 1, 2, 3, 4, 124, 130, 143):
        assert re.search(rf"^ +{code} +\w", text, re.MULTILINE), code


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_has_an_example(call: Callable[..., Any], name: str) -> None:
    """The help of each command ends with an example of it, and fits into 80 columns."""
    text = call(name, "--help").stdout
    assert re.search(rf"Example: .*\btaskqueue {name} ?", text.splitlines()[-1])
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_says(call: Callable[..., Any], name: str) -> None:
    """The line about a command in the help is the first paragraph of the command's own help."""
    listed = re.findall(rf"^  {name} +(.+)$", call("--help").stdout, flags=re.MULTILINE)
    assert listed == [call(name, "--help").stdout.split("\n\n")[1].strip()]


def test_no_command_shows_help(call: Callable[..., Any]) -> None:
    """Called without a command, it shows the help, and fails."""
    found = call()
    assert found.exit_code == 2
    assert "Run tasks:" in found.stdout + found.stderr


def test_unknown_command(call: Callable[..., Any]) -> None:
    """A command that is not there is a mistake on the command line; one like it is suggested."""
    found = call("rum")
    assert found.exit_code == 2
    assert "rum" in found.stderr
    assert "Did you mean 'run'" in found.stderr


def test_version(call: Callable[..., Any]) -> None:
    """It knows its version."""
    assert re.fullmatch(r"taskqueue \d+\.\d+.*\n", call("--version").stdout)


def test_cli_modules_import_nothing_heavy() -> None:
    """To show its help, the command imports no widgets, no pandas, and no module of a command."""
    code = (
        "import sys; sys.argv = ['taskqueue', '--help']\n"
        "from taskqueue_edu.cli import app\n"
        "from taskqueue_edu.cli.commands import COMMANDS\n"
        "app(standalone_mode=False)\n"
        "heavy = {f'taskqueue_edu.cli.{entry.module}' for entry in COMMANDS.values()}\n"
        "heavy |= {'pandas', 'matplotlib', 'ipywidgets', 'IPython', 'jupyterlab', 'rich.console',"
        " 'taskqueue_edu.workloads', 'taskqueue_edu.cli.session', 'taskqueue_edu.cli.summary'}\n"
        "print('found:', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "found: []"
