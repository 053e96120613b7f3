"""What it gains to give way to whoever holds a lock, before sleeping on it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from taskqueue_edu import TaskQueue, WorkerPool, pending, registry
from tests.benchmarks.harness import in_turns, machine, ratios, spread, table

TASKS = 50_000
WORKERS = 4


class Noop:
    """A task that does nothing: all of its time is bookkeeping."""

    def execute(self) -> None:
        """Do nothing."""


def ours() -> float:
    """Return the microseconds a task takes from submit to its result, all together."""
    task = Noop()
    with TaskQueue() as queue, WorkerPool(WORKERS) as pool:
        pool.start_processing(queue)
        began = time.perf_counter()
        ids = [queue.submit(task) for _ in range(TASKS)]
        for task_id in ids:
            queue.wait_for_result(task_id)
        return (time.perf_counter() - began) / TASKS * 1e6


def _rush(_: threading.Lock) -> None:
    """Sleep on the lock at once."""


def without() -> float:
    """Return the same for threads that sleep on a lock at once."""
    with (
        mock.patch.object(registry, "give_way", _rush),
        mock.patch.object(pending, "give_way", _rush),
    ):
        return ours()


def peer() -> float:
    """Return the same for a ThreadPoolExecutor."""
    task = Noop()
    with ThreadPoolExecutor(WORKERS) as pool:
        began = time.perf_counter()
        for future in [pool.submit(task.execute) for _ in range(TASKS)]:
            future.result()
        return (time.perf_counter() - began) / TASKS * 1e6


def main() -> str:
    """Return the table as Markdown."""
    cases = {"WorkerPool": ours, "WorkerPool, not giving way": without, "ThreadPoolExecutor": peer}
    results = in_turns(cases)
    rows = [
        [name, spread(values, 1), spread(ratios(values, results["ThreadPoolExecutor"]), 2)]
        for name, values in results.items()
    ]
    head = ["pool", "µs a task", "against ThreadPoolExecutor"]
    return f"{TASKS:,} no-ops, {WORKERS} workers; {machine()}.\n\n{table(head, rows)}"
