"""What the sync levels of a journal cost: tasks per second that are submitted and acknowledged."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Literal

from taskqueue_edu import TaskQueue
from taskqueue_edu.workloads import MathTask
from tests.benchmarks.harness import in_turns, machine, ratios, spread, table

BATCH = 100
TASK = MathTask("sum", (1, 2, 3))
Level = Literal["process", "interval", "always"]
TASKS: dict[Level, int] = {"process": 20_000, "interval": 20_000, "always": 2_000}
"""How many tasks a run submits: enough for a second or so."""


def _one_by_one(queue: TaskQueue, tasks: int) -> None:
    for _ in range(tasks):
        queue.submit(TASK)


def _in_batches(queue: TaskQueue, tasks: int) -> None:
    for _ in range(tasks // BATCH):
        queue.submit_many([TASK] * BATCH)


def rate(level: Level, submitters: int, submit: Callable[[TaskQueue, int], None]) -> float:
    """Return how many tasks a second `submitters` threads get acknowledged together."""
    with tempfile.TemporaryDirectory() as folder:
        queue = TaskQueue.open(folder, sync=level)
        threads = [
            threading.Thread(target=submit, args=(queue, TASKS[level] // submitters))
            for _ in range(submitters)
        ]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
        queue.close()
    return TASKS[level] / seconds


def main() -> str:
    """Return the table as Markdown."""
    ways: list[tuple[str, int, Callable[[TaskQueue, int], None]]] = [
        ("1 thread, submit", 1, _one_by_one),
        ("8 threads, submit", 8, _one_by_one),
        (f"1 thread, submit_many({BATCH})", 1, _in_batches),
    ]
    levels: tuple[Level, ...] = ("process", "interval", "always")
    cases = {
        f"{level}, {name}": partial(rate, level, submitters, submit)
        for level in levels
        for name, submitters, submit in ways
    }
    results = in_turns(cases)
    base = results[f"process, {ways[0][0]}"]
    rows = [
        [name, spread(values), spread(ratios(values, base), 2)] for name, values in results.items()
    ]
    head = ["sync level, how", "tasks per second", "against the first line"]
    return f"{machine()}.\n\n{table(head, rows)}"
