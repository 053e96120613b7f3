"""CPU-bound tasks on two processes.

Both sides have started their processes (by spawn, so that nothing of the parent is inherited) and
run a few tasks in them before the clock starts. Peer: `ProcessPoolExecutor.map` as the standard
library documents it; its chunksize stays 1, since tasks of 20 ms gain nothing from larger ones.
"""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

from taskqueue_edu import ExecutorPool, TaskQueue
from tests.benchmarks.harness import Sample, Session
from tests.benchmarks.report import SECONDS, Report, Target
from tests.benchmarks.work import Burn, burn, steps_for

TASKS = 64
EACH = 0.020
PROCESSES = 2
PEER = "ProcessPoolExecutor.map"


def ours(tasks: int, steps: int, processes: int) -> Sample:
    """Return the seconds that all tasks take through a queue."""
    with TaskQueue() as queue, ExecutorPool.processes(processes) as pool:
        pool.start_processing(queue)
        for task_id in queue.submit_many([Burn(10)] * (4 * processes)):
            queue.wait_for_result(task_id)
        began = time.perf_counter()
        ids = [queue.submit(Burn(steps)) for _ in range(tasks)]
        results = [queue.wait_for_result(task_id) for task_id in ids]
        seconds = time.perf_counter() - began
    assert len(results) == tasks
    return {"seconds": seconds}


def peer(tasks: int, steps: int, processes: int) -> Sample:
    """Return the same for a ProcessPoolExecutor."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        list(pool.map(burn, [10] * (4 * processes)))
        began = time.perf_counter()
        results = list(pool.map(burn, [steps] * tasks))
        seconds = time.perf_counter() - began
    assert len(results) == tasks
    return {"seconds": seconds}


def run(session: Session) -> Report:
    """Measure, and return the table."""
    tasks = session.size(TASKS, 16)
    tiny = session.shrink > 100
    steps, processes = steps_for(EACH / 20 if tiny else EACH), 1 if tiny else PROCESSES
    results = session.measure(
        "processes",
        {
            "ExecutorPool": session.fresh(ours, tasks, steps, processes),
            PEER: session.fresh(peer, tasks, steps, processes),
        },
    )
    report = Report("processes", f"{tasks} tasks of 20 ms on {PROCESSES} processes")
    report.compare(
        "all tasks", results, "ExecutorPool", PEER, SECONDS, Target("at least", 0.95), rate=True
    )
    return report
