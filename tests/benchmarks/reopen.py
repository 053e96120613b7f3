"""Opening a journal again: every line checked (checksum, form, legal step) and folded.

The journal is written once, by running real tasks, into a folder that lasts as long as the
benchmark. Base: `json.loads` of every line of that same file, one after the other, each result
dropped: no checks, no fold. Each sample comes from a process of its own that has imported all it
needs; the file is in the system's cache for both.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path

from taskqueue_edu import JsonStore, TaskQueue, WorkerPool
from tests.benchmarks.harness import Sample, Session
from tests.benchmarks.report import SECONDS, Report, Target
from tests.benchmarks.work import WORKERS, Echo

TASKS = 333_334
CHUNK = 10_000
BASE = "json.loads of its lines"
ANSWER = "first-id"


def write(folder: str, tasks: int) -> Sample:
    """Fill a journal with 3 facts a task."""
    assert JsonStore is not None
    with (
        TaskQueue.open(folder, compact_at=None, retain=tasks) as queue,
        WorkerPool(WORKERS) as pool,
    ):
        pool.start_processing(queue)
        for first in range(0, tasks, CHUNK):
            numbers = range(first, min(first + CHUNK, tasks))
            ids = queue.submit_many([Echo(number) for number in numbers])
            for task_id in ids:
                queue.wait_for_result(task_id)
            last = ids[-1]
    Path(folder, ANSWER).write_text(last, encoding="utf-8")
    return {"bytes": float(_journal(folder).stat().st_size)}


def compact(folder: str, tasks: int) -> Sample:
    """Compact a journal, keeping every task."""
    with TaskQueue.open(folder, compact_at=None, retain=tasks) as queue:
        before, after = queue.compact()
    return {"before": float(before), "after": float(after)}


def ours(folder: str, tasks: int, retain: int) -> Sample:
    """Return the seconds until the queue is there, with its last result."""
    last = Path(folder, ANSWER).read_text(encoding="utf-8")
    assert JsonStore is not None  # imported before the clock starts
    began = time.perf_counter()
    queue = TaskQueue.open(folder, compact_at=None, retain=retain)
    seconds = time.perf_counter() - began
    try:
        assert queue.wait_for_result(last, 0) == tasks - 1
    finally:
        queue.close()
    return {"seconds": seconds}


def base(folder: str) -> Sample:
    """Return the seconds that json.loads takes for all lines."""
    began = time.perf_counter()
    with _journal(folder).open("rb") as file:
        for line in file:
            json.loads(line)
    return {"seconds": time.perf_counter() - began}


def _journal(folder: str) -> Path:
    (path,) = Path(folder).glob("journal.jsonl")
    return path


def run(session: Session) -> Report:
    """Measure, and return the table."""
    tasks = session.size(TASKS, 100)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as cache:
        whole, short = str(Path(cache, "whole")), str(Path(cache, "compacted"))
        written = session.fresh(write, whole, tasks)()
        shutil.copytree(whole, short, ignore=shutil.ignore_patterns("inbox", "lock"))
        sizes = session.fresh(compact, short, tasks)()
        results = session.measure(
            "reopen",
            {
                "all kept": session.fresh(ours, whole, tasks, tasks),
                BASE: session.fresh(base, whole),
                "compacted": session.fresh(ours, short, tasks, tasks),
                "default": session.fresh(ours, whole, tasks, 100_000),
                "its own lines": session.fresh(base, short),
            },
        )
    report = Report("reopen", f"a journal of {3 * tasks:,} facts, {tasks:,} tasks")
    for work, case, target in (
        ("open, every task kept", "all kept", Target("at most", 1)),
        ("the same after compaction", "compacted", Target("at most", 0.35)),
        ("open, the last 100,000 kept (default)", "default", None),
        ("json.loads of the compacted journal", "its own lines", None),
    ):
        report.compare(work, results, case, BASE, SECONDS, target)
    report.notes.append(
        f"{written['bytes'] / 1e6:,.0f} MB; {sizes['after'] / 1e6:,.0f} MB after compaction."
    )
    return report
