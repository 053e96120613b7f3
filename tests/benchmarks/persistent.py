"""Persistent tasks: submitted, run by 4 threads, results collected, in one process.

Here: `TaskQueue.open` with the sync level that the line names, a type with one field, everything
checked on the way in and out. The peers and how they are configured: `stores.py`. Each sample
comes from a process of its own, in a new folder under the system's temporary directory.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import Executor, ThreadPoolExecutor

from taskqueue_edu import TaskQueue, WorkerPool
from tests.benchmarks import stores
from tests.benchmarks.harness import Case, Sample, Session
from tests.benchmarks.report import MICROSECONDS, Report, Target, peers
from tests.benchmarks.work import WORKERS, Echo, timed, watched

TASKS = 2_000
BATCH = 100
SUBMITTERS = 8
HUEY = "huey SqliteHuey"
DEFAULT = f"{HUEY}, default (fsyncs)"


def ours(tasks: int, sync: str, submitters: int, batch: int) -> Sample:
    """Return the seconds a task takes; `batch` 0: submitted one by one."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(submitters) as clients,
        TaskQueue.open(folder, sync=sync) as queue,  # type: ignore[arg-type]
        WorkerPool(WORKERS) as pool,
        watched(queue),
    ):
        pool.start_processing(queue)
        for task_id in [queue.submit(Echo(number)) for number in range(stores.WARM_UP)]:
            queue.wait_for_result(task_id)
        return timed(lambda: by_clients(queue, clients, tasks, submitters, batch), tasks)


def by_clients(queue: TaskQueue, clients: Executor, tasks: int, submitters: int, batch: int) -> int:
    """Submit the numbers below `tasks` from that many threads; return the sum of the results."""

    def client(first: int) -> int:
        made = [Echo(number) for number in range(first, tasks, submitters)]
        if batch:
            ids = [
                task_id
                for at in range(0, len(made), batch)
                for task_id in queue.submit_many(made[at : at + batch])
            ]
        else:
            ids = [queue.submit(task) for task in made]
        return sum(queue.wait_for_result(task_id) for task_id in ids)

    return sum(clients.map(client, range(submitters)))


def run(session: Session) -> Report:
    """Measure, and return the table."""
    tasks = session.size(TASKS, 20)
    some = session.size(500, 20)
    cases: dict[str, Case | None] = {
        "process": session.fresh(ours, tasks, "process", 1, 0),
        "interval": session.fresh(ours, tasks, "interval", 1, 0),
        "always, 1": session.fresh(ours, tasks, "always", 1, 0),
        "always, 8": session.fresh(ours, tasks, "always", SUBMITTERS, 0),
        "always, many": session.fresh(ours, tasks, "always", 1, BATCH),
    }
    if session.has("huey", "huey"):
        cases |= {
            DEFAULT: session.fresh(stores.huey, tasks, 1, ""),
            f"{DEFAULT}, {SUBMITTERS} submitters": session.fresh(
                stores.huey, tasks, SUBMITTERS, ""
            ),
            f"{HUEY}, fsync=False": session.fresh(stores.huey, tasks, 1, "no"),
        }
    if session.has("persistqueue", "persist-queue"):
        cases["persist-queue SQLiteAckQueue"] = session.fresh(stores.persist_queue, some)
    if session.has("litequeue", "litequeue"):
        cases["litequeue"] = session.fresh(stores.lite_queue, some)
    results = session.measure("persistent", cases)
    report = Report(
        "persistent",
        f"{tasks:,} persistent tasks, {WORKERS} workers, cost of a task from submit to result",
        peers=peers("huey", "persist-queue", "litequeue"),
    )
    for work, case, base, target in (
        ('sync="process"', "process", DEFAULT, Target("at least", 150)),
        ('sync="always", one submitter', "always, 1", DEFAULT, Target("at least", 2.5)),
        (f'sync="always", {SUBMITTERS} submitters', "always, 8", DEFAULT, Target("at least", 4)),
        (f'sync="always", submit_many({BATCH})', "always, many", DEFAULT, Target("at least", 100)),
        (
            "the same durability: 8 submitters both",
            "always, 8",
            f"{DEFAULT}, {SUBMITTERS} submitters",
            None,
        ),
        ('the same durability: sync="process"', "process", f"{HUEY}, fsync=False", None),
        ('the same durability: sync="interval"', "interval", "litequeue", None),
        ("the same durability: always", "always, 1", "persist-queue SQLiteAckQueue", None),
    ):
        report.compare(work, results, case, base, MICROSECONDS, target, rate=True)
    return report
