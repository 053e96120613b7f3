"""The cases of `scale.py`: one pool or queue of a given size, and what it costs."""

from __future__ import annotations

import gc
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

from taskqueue_edu import TaskQueue, WorkerPool
from tests.benchmarks.harness import Sample
from tests.benchmarks.work import WORKERS, Noop, noop

LATER = 3_600.0
"""Seconds that a delayed task is delayed: it never runs."""


def workers(count: int, tasks: int) -> Sample:
    """Return the seconds a task takes with so many workers."""
    task = Noop()
    with TaskQueue() as queue, WorkerPool(count) as pool:
        pool.start_processing(queue)
        gc.collect()
        began = time.perf_counter()
        for task_id in [queue.submit(task) for _ in range(tasks)]:
            queue.wait_for_result(task_id)
        return {"seconds": (time.perf_counter() - began) / tasks}


def queued(tasks: int, least: int) -> Sample:
    """Return the seconds a task takes in a queue that holds so many: all, and submitting alone."""
    task = Noop()
    turns = max(least // tasks, 1)
    seconds = submitting = 0.0
    for _ in range(turns):
        with TaskQueue(retain=tasks) as queue, WorkerPool(WORKERS) as pool:
            gc.collect()
            began = time.perf_counter()
            ids = [queue.submit(task) for _ in range(tasks)]
            submitting += time.perf_counter() - began
            pool.start_processing(queue)
            for task_id in ids:
                queue.wait_for_result(task_id)
            seconds += time.perf_counter() - began
        del queue, pool, ids
    return {"seconds": seconds / turns / tasks, "submitting": submitting / turns / tasks}


def futures(tasks: int, least: int) -> Sample:
    """Return the same for a ThreadPoolExecutor."""
    turns = max(least // tasks, 1)
    seconds = 0.0
    for _ in range(turns):
        with ThreadPoolExecutor(WORKERS) as pool:
            gc.collect()
            began = time.perf_counter()
            for future in [pool.submit(noop) for _ in range(tasks)]:
                future.result()
            seconds += time.perf_counter() - began
    return {"seconds": seconds / turns / tasks}


def waiting(threads: int) -> Sample:
    """Return the seconds from the start of the pool until every one of so many waiters is gone."""
    with TaskQueue() as queue, WorkerPool(WORKERS) as pool:
        ids = [queue.submit(Noop()) for _ in range(threads)]
        waiters = [threading.Thread(target=queue.wait_for_result, args=(each,)) for each in ids]
        for waiter in waiters:
            waiter.start()
        began = time.perf_counter()
        pool.start_processing(queue)
        for waiter in waiters:
            waiter.join()
        return {"seconds": time.perf_counter() - began}


def waiting_futures(threads: int) -> Sample:
    """Return the same for Futures, whose pool is held up by a gate."""
    gate = threading.Event()
    with ThreadPoolExecutor(WORKERS) as pool:
        for _ in range(WORKERS):
            pool.submit(gate.wait)
        made = [pool.submit(noop) for _ in range(threads)]
        waiters = [threading.Thread(target=future.result) for future in made]
        for waiter in waiters:
            waiter.start()
        began = time.perf_counter()
        gate.set()
        for waiter in waiters:
            waiter.join()
        return {"seconds": time.perf_counter() - began}


def delayed(tasks: int, trips: int) -> Sample:
    """Return what a delayed submit costs, and a round trip beside so many delayed tasks."""
    task = Noop()
    with WorkerPool(WORKERS) as pool:
        queue = TaskQueue()
        try:
            gc.collect()
            began = time.perf_counter()
            for _ in range(tasks):
                queue.submit(task, delay=LATER)
            submitting = time.perf_counter() - began
            pool.start_processing(queue)
            queue.wait_for_result(queue.submit(task))
            began = time.perf_counter()
            for _ in range(trips):
                queue.wait_for_result(queue.submit(task))
            trip = time.perf_counter() - began
        finally:
            queue.close()
    return {"seconds": submitting / tasks, "trip": trip / trips}


def retained(tasks: int, retain: int) -> Sample:
    """Return the bytes in use once so many tasks have finished and only some are kept."""
    task = Noop()
    gc.collect()
    tracemalloc.start()
    try:
        with TaskQueue(maxsize=100, retain=retain) as queue, WorkerPool(WORKERS) as pool:
            pool.start_processing(queue)
            for _ in range(tasks):
                queue.submit(task)
            queue.join()
            gc.collect()
            return {"bytes": float(tracemalloc.get_traced_memory()[0])}
    finally:
        tracemalloc.stop()
