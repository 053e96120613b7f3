"""No-ops submitted one by one or in batches, and all results collected.

Here: a memory queue as anyone makes it (ids, registry, facts, priorities, retention of the last
100,000), 4 threads, a Monitor attached that is refreshed 5 times a second. Peer: the standard
library's ThreadPoolExecutor with 4 threads, every Future kept and asked for its result
(https://docs.python.org/3/library/concurrent.futures.html). Each sample comes from a process of
its own, after a warm-up of 500 tasks.
"""

from __future__ import annotations

import gc
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from taskqueue_edu import Task, TaskQueue, WorkerPool
from tests.benchmarks.harness import Sample, Session
from tests.benchmarks.report import MICROSECONDS, Report, Target
from tests.benchmarks.work import WARM_UP, WORKERS, Echo, Noop, echo, noop, watched

TASKS = 50_000
BATCH = 64
PEER = "ThreadPoolExecutor"


def ours(tasks: int, batch: int, own: bool) -> Sample:
    """Return the seconds a task takes; `batch` 0: one by one; `own`: each has its argument."""
    with TaskQueue() as queue, WorkerPool(WORKERS) as pool, watched(queue):
        pool.start_processing(queue)
        _run(queue, WARM_UP, batch, own)
        gc.collect()
        began = time.perf_counter()
        results = _run(queue, tasks, batch, own)
        seconds = time.perf_counter() - began
    assert results == ([*range(tasks)] if own else [None] * tasks)
    return {"seconds": seconds / tasks}


def _run(queue: TaskQueue, tasks: int, batch: int, own: bool) -> list[Any]:
    shared = Noop()
    made: list[Task[Any]] = [Echo(number) if own else shared for number in range(tasks)]
    if batch:
        ids: list[str] = []
        for start in range(0, tasks, batch):
            ids += queue.submit_many(made[start : start + batch])
    else:
        ids = [queue.submit(task) for task in made]
    return [queue.wait_for_result(task_id) for task_id in ids]


def peer(tasks: int, own: bool) -> Sample:
    """Return the same for a ThreadPoolExecutor."""
    with ThreadPoolExecutor(WORKERS) as pool:
        for future in [pool.submit(noop) for _ in range(WARM_UP)]:
            future.result()
        gc.collect()
        began = time.perf_counter()
        results: list[Any]
        if own:
            results = [f.result() for f in [pool.submit(echo, n) for n in range(tasks)]]
        else:
            results = [f.result() for f in [pool.submit(noop) for _ in range(tasks)]]
        seconds = time.perf_counter() - began
    assert results == ([*range(tasks)] if own else [None] * tasks)
    return {"seconds": seconds / tasks}


def run(session: Session) -> Report:
    """Measure, and return the table."""
    tasks = session.size(TASKS, 100)
    results = session.measure(
        "throughput",
        {
            "submit": session.fresh(ours, tasks, 0, False),
            PEER: session.fresh(peer, tasks, False),
            "submit_many": session.fresh(ours, tasks, BATCH, False),
            "submit, arguments": session.fresh(ours, tasks, 0, True),
            f"{PEER}, arguments": session.fresh(peer, tasks, True),
        },
    )
    report = Report("throughput", f"{tasks:,} tasks, {WORKERS} workers, cost of a task")
    for work, case, base, target in (
        ("no-ops, submit", "submit", PEER, Target("at least", 3, 5)),
        (f"no-ops, submit_many({BATCH})", "submit_many", PEER, Target("at least", 5, 8)),
        ("an argument and a result each", "submit, arguments", f"{PEER}, arguments", None),
    ):
        report.compare(work, results, case, base, MICROSECONDS, target, rate=True, shown=PEER)
    return report
