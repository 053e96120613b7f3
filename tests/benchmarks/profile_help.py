"""Where `taskqueue --help` goes: imports, by whose modules they are, and what is done with them."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import redirect_stdout
from typing import Final

from tests.benchmarks import start
from tests.benchmarks.harness import LIMIT, ROOT, Sample, Session
from tests.benchmarks.report import Report, figures, spread

OWN: Final = "taskqueue_edu"
STDLIB: Final = "the standard library"
TYPER: Final = "typer, with click"
START: Final = "the start of Python"
OWNERS: Final = {OWN: OWN, "typer": TYPER, "click": TYPER, "annotated_doc": TYPER, "rich": "rich"}
"""By the first part of a module's name; what is not here belongs to the standard library."""

_LINE: Final = re.compile(r"import time: +(\d+) \| +\d+ \| +([\w.]+)")


def imports() -> Sample:
    """Return the seconds that the imports take, and how many there are, by owner."""
    command = [sys.executable, "-X", "importtime", "-c", "import taskqueue_edu.cli"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=True
    )
    found = _LINE.findall(done.stderr)
    started = max(n for n, (_, name) in enumerate(found) if name == "site") + 1
    sample: defaultdict[str, float] = defaultdict(float)
    for n, (microseconds, name) in enumerate(found):
        owner = START if n < started else OWNERS.get(name.partition(".")[0], STDLIB)
        sample[owner] += int(microseconds) / 1e6
        sample[f"modules of {owner}"] += 1
    return {**sample}


def uses() -> Sample:
    """Return the seconds for what comes after the imports, and for what the table saves."""
    import typer

    from taskqueue_edu.cli import app
    from taskqueue_edu.cli.group import Commands

    began = time.perf_counter()
    command = typer.main.get_command(app)
    made = time.perf_counter()
    with redirect_stdout(io.StringIO()):
        command(["--help"], standalone_mode=False)
    shown = time.perf_counter()
    assert isinstance(command, Commands)
    command.get_command(None, "")  # a name that isn't there: all commands are made
    return {
        "making": made - began,
        "showing": shown - made,
        "commands": time.perf_counter() - shown,
    }


def run(session: Session) -> Report:
    """Measure, and return the table."""
    results = session.measure(
        "profile: help",
        {
            "imports": imports,
            "uses": session.fresh(uses),
            start.HELP: lambda: start.command(*start.ours(), "--help"),
            start.LIBRARIES: lambda: start.command(sys.executable, "-c", "import typer, rich"),
        },
    )
    report = Report("profile", f"`{start.HELP}`", head=["", "ms", "modules"])

    def add(label: str, case: str, key: str = "seconds", modules: str = "-") -> None:
        shown = spread([1e3 * value for value in figures(results, case, key)], 1)
        report.rows.append([label, shown, modules])

    (first, *_) = results.get("imports") or [{}]
    for owner in (START, STDLIB, TYPER, "rich", OWN):
        if owner in first:
            label = owner if owner == START else f"imports: {owner}"
            add(label, "imports", owner, f"{first[f'modules of {owner}']:.0f}")
    add("typer makes the group", "uses", "making")
    add("the help is written", "uses", "showing")
    add(f"all of `{start.HELP}`, from outside", start.HELP)
    add(f"`{start.LIBRARIES}`", start.LIBRARIES)
    add("not done: import and look at the commands one by one", "uses", "commands")
    report.notes.append("Imports as `python -X importtime` tells them, which makes them slower.")
    return report
