"""What a persistent task asks of the system: writes, syncs, and switches of threads."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest import mock

from taskqueue_edu import TaskQueue, WorkerPool, files
from tests.benchmarks.harness import Sample, Session
from tests.benchmarks.persistent import BATCH, SUBMITTERS, TASKS, by_clients
from tests.benchmarks.report import Report, figures, spread
from tests.benchmarks.work import WORKERS, Usage, timed

CALLS: Final = {"writes": "write_all", "syncs": "sync_data"}
CASES: Final = {
    '"process", one by one': ("process", 1, 0),
    f'"process", submit_many({BATCH})': ("process", 1, BATCH),
    '"always", one by one': ("always", 1, 0),
    f'"always", {SUBMITTERS} submitters': ("always", SUBMITTERS, 0),
    f'"always", submit_many({BATCH})': ("always", 1, BATCH),
}


@contextmanager
def _watched_files() -> Iterator[Mapping[str, float]]:
    """Count the calls that go to the system, and the seconds that they take."""
    counts: defaultdict[str, float] = defaultdict(float)

    def watched(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watch(*args: Any) -> Any:
            began = time.perf_counter()
            try:
                return call(*args)
            finally:
                counts[name] += 1
                counts[f"{name}, seconds"] += time.perf_counter() - began

        return watch

    with ExitStack() as stack:
        for name, call in CALLS.items():
            wrapper = watched(name, getattr(files, call))
            stack.enter_context(mock.patch.object(files, call, wrapper))
        yield counts


def asked(tasks: int, sync: str, submitters: int, batch: int) -> Sample:
    """Return what a task has of each, and the seconds it takes."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(submitters) as clients,
        TaskQueue.open(folder, sync=sync) as queue,  # type: ignore[arg-type]
        WorkerPool(WORKERS) as pool,
        _watched_files() as counts,
    ):
        pool.start_processing(queue)
        before = Usage.now()
        sample = timed(lambda: by_clients(queue, clients, tasks, submitters, batch), tasks)
        used = Usage.now().since(before, tasks)
        keys = [key for name in CALLS for key in (name, f"{name}, seconds")]
        return {**sample, **used, **{key: counts[key] / tasks for key in keys}}


def run(session: Session) -> Report:
    """Measure, and return the table."""
    tasks = session.size(TASKS, 20)
    results = session.measure(
        "profile: writes",
        {name: session.fresh(asked, tasks, *options) for name, options in CASES.items()},
    )
    report = Report(
        "profile",
        f"{tasks:,} persistent tasks, {WORKERS} workers: what one of them asks of the system",
        head=["", "µs", "writes", "µs in them", "syncs", "µs in them", "times a thread sleeps"],
    )
    for name in CASES:
        row = [name]
        for key, scale, digits in (
            ("seconds", 1e6, 1),
            ("writes", 1, 2),
            ("writes, seconds", 1e6, 1),
            ("syncs", 1, 3),
            ("syncs, seconds", 1e6, 1),
            ("sleeps", 1, 2),
        ):
            row.append(spread([scale * v for v in figures(results, name, key)], digits))
        report.rows.append(row)
    return report
