"""Why a task costs more in a long queue: the garbage collector, and memory that is new."""

from __future__ import annotations

import gc
import time
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock

from tests.benchmarks import sizes
from tests.benchmarks.harness import Sample, Session
from tests.benchmarks.report import Report, beside, figures
from tests.benchmarks.scale import LEAST, PEER
from tests.benchmarks.work import Usage

FEW, MANY = 10_000, 1_000_000
ROUNDS: Final = 3
CASES: Final = {"here": sizes.queued, PEER: sizes.futures}


def growth(name: str, tasks: int, least: int, collects: bool) -> Sample:
    """Return a task's seconds, how many of them go to the garbage collector, and page faults."""
    began = collecting = 0.0

    def collector(phase: str, _: dict[str, Any]) -> None:
        nonlocal began, collecting
        if phase == "start":
            began = time.perf_counter()
        else:
            collecting += time.perf_counter() - began

    def collect() -> None:  # outside of what is timed
        gc.callbacks.remove(collector)
        gc.collect()
        gc.callbacks.append(collector)

    if not collects:
        gc.disable()
    gc.callbacks.append(collector)
    before = Usage.now()
    try:
        with mock.patch.object(sizes, "gc", SimpleNamespace(collect=collect)):
            sample = CASES[name](tasks, least)
    finally:
        gc.callbacks.remove(collector)
        gc.enable()
    done = max(least // tasks, 1) * tasks
    return {**sample, "collecting": collecting / done, **Usage.now().since(before, done)}


def run(session: Session) -> Report:
    """Measure, and return the table."""
    few, many, least = (session.size(n, 20) for n in (FEW, MANY, LEAST))
    results = session.measure(
        "profile: growth",
        {
            f"{name}, {tasks}, {collects}": session.fresh(growth, name, tasks, least, collects)
            for name in CASES
            for tasks in (few, many)
            for collects in (True, False)
        },
        min(session.rounds, ROUNDS),
    )
    report = Report(
        "profile", "a no-op in a long queue", head=["", f"{many:,}", f"{few:,}", "ratio"]
    )
    for name in CASES:
        for label, key, collects, scale in (
            ("µs a task", "seconds", True, 1e6),
            ("of that in the garbage collector", "collecting", True, 1e6),
            ("µs a task with the collector off", "seconds", False, 1e6),
            ("of that to submit it, before the pool starts", "submitting", False, 1e6),
            ("page faults a task, collector off", "faults", False, 1.0),
        ):
            if key == "submitting" and name == PEER:  # its workers start at once
                continue
            own, other = (
                [scale * v for v in figures(results, f"{name}, {tasks}, {collects}", key)]
                for tasks in (many, few)
            )
            report.rows.append(beside(f"{name}: {label}", own, other, 2))
    return report
