"""What it gains to give way to whoever holds a lock, before sleeping on it."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from types import ModuleType
from unittest import mock

from taskqueue_edu import TaskQueue, WorkerPool
from tests.benchmarks import throughput
from tests.benchmarks.harness import Sample, Session
from tests.benchmarks.report import MICROSECONDS, Report

TASKS = 50_000
NAME = "give_way"


def _users() -> list[ModuleType]:
    """Return the modules of the package that give way."""
    assert TaskQueue is not None
    assert WorkerPool is not None  # the modules that these need are loaded now
    return [
        module
        for name, module in sorted(sys.modules.items())
        if name.startswith("taskqueue_edu.") and hasattr(module, NAME)
    ]


def _rush(_: threading.Lock) -> None:
    """Sleep on the lock at once."""


def without(tasks: int) -> Sample:
    """Return the seconds a no-op takes where threads sleep on a lock at once."""
    with ExitStack() as stack:
        for module in _users():
            stack.enter_context(mock.patch.object(module, NAME, _rush))
        return throughput.ours(tasks, 0, False)


def run(session: Session) -> Report:
    """Measure, and return the table."""
    tasks = session.size(TASKS, 100)
    report = Report("convoy", f"{tasks:,} no-ops, giving way at taken locks or not")
    if not _users():
        report.notes.append("nothing in the package gives way any more: skipped.")
        return report
    results = session.measure(
        "convoy",
        {
            "giving way": session.fresh(throughput.ours, tasks, 0, False),
            "not giving way": session.fresh(without, tasks),
            throughput.PEER: session.fresh(throughput.peer, tasks, False),
        },
    )
    for case in ("giving way", "not giving way"):
        report.compare(case, results, case, throughput.PEER, MICROSECONDS, rate=True)
    return report
