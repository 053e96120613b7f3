"""What it costs to be watched, and what a look costs once much has happened.

Watched: a Monitor takes a snapshot 5 times a second, as the live monitor of a notebook does. The
runs are long enough for many of them. "All facts folded" ends the clock only after one more
refresh, so that no fact is left for later.
"""

from __future__ import annotations

import gc
import statistics
import time
from contextlib import nullcontext

from taskqueue_edu import Monitor, TaskQueue, WorkerPool
from tests.benchmarks.harness import Sample, Session
from tests.benchmarks.report import MICROSECONDS, MILLISECONDS, Report, Target
from tests.benchmarks.work import WARM_UP, WORKERS, Noop, watched

TASKS = 300_000
CHUNK = 50_000
FEW, MANY = 334, 333_334
LOOKS = 50


def _run(queue: TaskQueue, tasks: int) -> None:
    task = Noop()
    for first in range(0, tasks, CHUNK):
        for task_id in [queue.submit(task) for _ in range(min(CHUNK, tasks - first))]:
            queue.wait_for_result(task_id)


def throughput(tasks: int, attached: bool, folded: bool) -> Sample:
    """Return the seconds a no-op takes."""
    with TaskQueue() as queue, WorkerPool(WORKERS) as pool:
        pool.start_processing(queue)
        _run(queue, WARM_UP)
        gc.collect()
        with watched(queue) if attached else nullcontext() as monitor:
            began = time.perf_counter()
            _run(queue, tasks)
            if folded:
                assert monitor is not None
                monitor.refresh()
            seconds = time.perf_counter() - began
    return {"seconds": seconds / tasks}


def look(tasks: int) -> Sample:
    """Return the median time of a snapshot after so many tasks, 3 facts each, in seconds."""
    with TaskQueue() as queue, WorkerPool(WORKERS) as pool:
        pool.start_processing(queue)
        monitor = Monitor(queue)
        with watched(queue):
            _run(queue, tasks)
        monitor.refresh()
        times = []
        for _ in range(LOOKS):
            began = time.perf_counter()
            monitor.snapshot()
            times.append(time.perf_counter() - began)
    return {"seconds": statistics.median(times)}


def run(session: Session) -> Report:
    """Measure, and return the table."""
    tasks, few, many = session.size(TASKS, 200), session.size(FEW, 50), session.size(MANY, 300)
    results = session.measure(
        "monitor",
        {
            "watched": session.fresh(throughput, tasks, True, False),
            "not watched": session.fresh(throughput, tasks, False, False),
            "all folded": session.fresh(throughput, tasks, True, True),
            "many": session.fresh(look, many),
            "few": session.fresh(look, few),
        },
    )
    report = Report("monitor", f"{tasks:,} no-ops, {WORKERS} workers; a snapshot of 30 seconds")
    report.compare(
        "a no-op, watched", results, "watched", "not watched", MICROSECONDS, Target("at most", 1.1)
    )
    report.compare("all facts folded", results, "all folded", "not watched", MICROSECONDS)
    report.compare(
        f"a snapshot at {3 * many:,} facts",
        results,
        "many",
        "few",
        MILLISECONDS,
        Target("at most", 1.5),
        shown=f"at {3 * few:,} facts",
    )
    report.bound(
        "the same by itself",
        results,
        "many",
        MILLISECONDS,
        Target("at most", 0.001, unit=MILLISECONDS),
        "seconds",
    )
    return report
