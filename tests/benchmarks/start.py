"""What it takes to begin: imports, and the command line's help.

Imports are timed inside a new interpreter, which leaves out the start of Python itself: that
would only flatter the ratio. `import taskqueue_edu` imports names when they are first asked for;
the second line asks for what a program uses. Commands are timed from outside, all of them. The
first round, which may have to write bytecode, counts like the others: the median doesn't see it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from tests.benchmarks.harness import LIMIT, ROOT, Sample, Session
from tests.benchmarks.report import MILLISECONDS, Report, Target, peers

PAIRS = 5
"""How many times the usual number of rounds: a start is short, and its time scatters."""

IMPORTS = {
    "package": "import taskqueue_edu",
    "names": "from taskqueue_edu import TaskQueue, WorkerPool",
    "asyncio": "import asyncio",
}
HELP = "taskqueue --help"
LIBRARIES = 'python -c "import typer, rich"'


def importing(statement: str) -> Sample:
    """Return the seconds an import takes in a new interpreter."""
    program = (
        f"from time import perf_counter as now\nbegan = now()\n{statement}\nprint(now() - began)"
    )
    return {"seconds": float(_run(sys.executable, "-c", program))}


def command(*words: str) -> Sample:
    """Return the seconds that a command takes."""
    began = time.perf_counter()
    _run(*words)
    return {"seconds": time.perf_counter() - began}


def _run(*words: str) -> str:
    done = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=True
    )
    return done.stdout


def ours() -> list[str]:
    """Return the words that start the `taskqueue` command."""
    script = shutil.which("taskqueue", path=str(Path(sys.executable).parent))
    return [script] if script else [sys.executable, "-m", "taskqueue_edu"]


def run(session: Session) -> Report:
    """Measure, and return the table."""
    rounds = session.rounds * (PAIRS if session.shrink == 1 else 1)
    results = session.measure(
        "start: imports",
        {name: partial(importing, statement) for name, statement in IMPORTS.items()},
        rounds,
    )
    results |= session.measure(
        "start: commands",
        {
            HELP: partial(command, *ours(), "--help"),
            LIBRARIES: partial(command, sys.executable, "-c", "import typer, rich"),
        },
        rounds,
    )
    report = Report("start", f"from nothing, {rounds} rounds", peers=peers("typer", "rich"))
    for case in ("package", "names"):
        report.compare(
            f"`{IMPORTS[case]}`",
            results,
            case,
            "asyncio",
            MILLISECONDS,
            Target("at most", 1.5),
            shown="`import asyncio`",
        )
    report.compare(
        f"`{HELP}`",
        results,
        HELP,
        LIBRARIES,
        MILLISECONDS,
        Target("at most", 1.3),
        shown=f"`{LIBRARIES}`",
    )
    return report
