"""What a finished task that is kept costs in memory, its facts in the log included.

All handles are kept on both sides: ids here, Futures there. Bytes come from tracemalloc, objects
from gc.get_objects (what the garbage collector must look at), both after a full collection, and
both include what the queue or the pool itself holds. Each sample comes from a process of its own.
"""

from __future__ import annotations

import gc
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from taskqueue_edu import TaskQueue, WorkerPool
from tests.benchmarks.harness import Sample, Session
from tests.benchmarks.report import BYTES, Report, Target, Unit
from tests.benchmarks.work import WORKERS, Echo, Noop, echo, noop

TASKS = 20_000
PEER = "ThreadPoolExecutor's Future"


class _Weighing:
    def __init__(self) -> None:
        gc.collect()
        self._objects = len(gc.get_objects())
        tracemalloc.start()
        self._bytes = tracemalloc.get_traced_memory()[0]

    def each(self, kept: list[Any]) -> Sample:
        """Return bytes and objects for each thing kept."""
        gc.collect()
        size = tracemalloc.get_traced_memory()[0] - self._bytes
        tracemalloc.stop()
        objects = len(gc.get_objects()) - self._objects
        return {"bytes": size / len(kept), "objects": objects / len(kept)}


def ours(tasks: int, own: bool) -> Sample:
    """Weigh tasks in a queue; `own`: each is an object of its own with its result."""
    task = Noop()
    weighing = _Weighing()
    with TaskQueue() as queue, WorkerPool(WORKERS) as pool:
        pool.start_processing(queue)
        made = [Echo(number) if own else task for number in range(tasks)]
        ids = [queue.submit(each) for each in made]
        del made
        for task_id in ids:
            queue.wait_for_result(task_id)
        return weighing.each(ids)


def peer(tasks: int, own: bool) -> Sample:
    """Weigh Futures."""
    weighing = _Weighing()
    with ThreadPoolExecutor(WORKERS) as pool:
        futures: list[Any]
        if own:
            futures = [pool.submit(echo, number) for number in range(tasks)]
        else:
            futures = [pool.submit(noop) for _ in range(tasks)]
        for future in futures:
            future.result()
        return weighing.each(futures)


def run(session: Session) -> Report:
    """Measure, and return the table."""
    tasks = session.size(TASKS, 200)
    results = session.measure(
        "memory",
        {
            "here": session.fresh(ours, tasks, False),
            PEER: session.fresh(peer, tasks, False),
            "here, own": session.fresh(ours, tasks, True),
            "Future, own": session.fresh(peer, tasks, True),
        },
    )
    report = Report("memory", f"a finished task that is kept, of {tasks:,}")
    objects = Unit("objects", 1.0, 2)
    most = Target("at most", 4, unit=objects)
    report.compare(
        "bytes, no-op", results, "here", PEER, BYTES, Target("at most", 0.45), key="bytes"
    )
    report.compare(
        "objects the collector sees, no-op", results, "here", PEER, objects, key="objects"
    )
    report.bound("the same by itself", results, "here", objects, most, "objects")
    report.compare(
        "bytes, an argument and a result each",
        results,
        "here, own",
        "Future, own",
        BYTES,
        key="bytes",
        shown=PEER,
    )
    report.compare(
        "objects, an argument and a result each",
        results,
        "here, own",
        "Future, own",
        objects,
        key="objects",
        shown=PEER,
    )
    return report
