"""What the sync levels of a journal cost: tasks per second that are submitted and acknowledged."""

from __future__ import annotations

import tempfile
import threading
import time

from taskqueue_edu import TaskQueue
from taskqueue_edu.workloads import MathTask
from tests.benchmarks.harness import Sample, Session
from tests.benchmarks.report import Report, figures, ratios, spread

BATCH = 100
TASK = MathTask("sum", (1, 2, 3))
TASKS = {"process": 20_000, "interval": 20_000, "always": 2_000}
"""How many tasks a run submits: enough for a second or so."""
WAYS = (
    ("1 thread, submit", 1, 0),
    ("8 threads, submit", 8, 0),
    (f"1 thread, submit_many({BATCH})", 1, BATCH),
)


def rate(level: str, submitters: int, batch: int, tasks: int) -> Sample:
    """Return how many tasks a second `submitters` threads get acknowledged together."""
    with tempfile.TemporaryDirectory() as folder:
        queue = TaskQueue.open(folder, sync=level)  # type: ignore[arg-type]

        def submit() -> None:
            if batch:
                for _ in range(tasks // batch):
                    queue.submit_many([TASK] * batch)
            else:
                for _ in range(tasks // submitters):
                    queue.submit(TASK)

        threads = [threading.Thread(target=submit) for _ in range(submitters)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
        queue.close()
    return {"rate": tasks / seconds}


def run(session: Session) -> Report:
    """Measure, and return the table."""
    cases = {
        f"{level}, {name}": session.fresh(
            rate, level, submitters, batch, session.size(tasks, BATCH)
        )
        for level, tasks in TASKS.items()
        for name, submitters, batch in WAYS
    }
    results = session.measure("sync", cases)
    first = figures(results, next(iter(cases)), "rate")
    report = Report(
        "sync",
        "tasks submitted and acknowledged",
        head=["sync level, how", "tasks per second", "against the first line"],
    )
    for name in results:
        rates = figures(results, name, "rate")
        report.rows.append([name, spread(rates), spread(ratios(rates, first), 2)])
    return report
