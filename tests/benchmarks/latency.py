"""The round trip: submit one task, wait for its result, and again.

Pinned to one core with os.sched_setaffinity, so that what is measured is the hand-over and not
how fast the system wakes a second core; 4 workers on both sides; a Monitor attached here. Peer:
`ThreadPoolExecutor.submit(...).result()`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeAlias

from taskqueue_edu import TaskQueue, WorkerPool
from tests.benchmarks.harness import Sample, Session
from tests.benchmarks.report import MICROSECONDS, Report, Target
from tests.benchmarks.work import WARM_UP, WORKERS, Noop, Usage, noop, watched

TRIPS = 10_000
PEER = "ThreadPoolExecutor"


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this thread, and those that it starts, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


Trip: TypeAlias = Callable[[], object]


@contextmanager
def through_queue() -> Iterator[Trip]:
    """Give a round trip through a queue."""
    task = Noop()
    with one_core(), TaskQueue() as queue, WorkerPool(WORKERS) as pool, watched(queue):
        pool.start_processing(queue)
        yield lambda: queue.wait_for_result(queue.submit(task))


@contextmanager
def through_executor() -> Iterator[Trip]:
    """Give a round trip through a ThreadPoolExecutor."""
    with one_core(), ThreadPoolExecutor(WORKERS) as pool:
        yield lambda: pool.submit(noop).result()


def ours(trips: int) -> Sample:
    """Return the percentiles of a round trip through a queue, in seconds."""
    with through_queue() as trip:
        return _trips(trip, trips)


def peer(trips: int) -> Sample:
    """Return the same for a ThreadPoolExecutor."""
    with through_executor() as trip:
        return _trips(trip, trips)


def _trips(trip: Trip, trips: int) -> Sample:
    for _ in range(min(WARM_UP, trips)):
        trip()
    times = []
    before = Usage.now()
    for _ in range(trips):
        began = time.perf_counter_ns()
        trip()
        times.append(time.perf_counter_ns() - began)
    used = Usage.now().since(before, trips)
    times.sort()
    return {"p50": times[trips // 2] / 1e9, "p99": times[trips * 99 // 100] / 1e9, **used}


def run(session: Session) -> Report:
    """Measure, and return the table."""
    trips = session.size(TRIPS, 100)
    report = Report("latency", f"{trips:,} round trips from submit to result on one core")
    if not hasattr(os, "sched_setaffinity"):
        report.notes.append("this system pins no process to a core: skipped.")
        return report
    results = session.measure(
        "latency", {"here": session.fresh(ours, trips), PEER: session.fresh(peer, trips)}
    )
    for key, target in (("p50", Target("at most", 1, 0.8)), ("p99", Target("at most", 2))):
        report.compare(f"round trip, {key}", results, "here", PEER, MICROSECONDS, target, key=key)
    return report
