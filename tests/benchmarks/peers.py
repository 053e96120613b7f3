"""The same small tasks on other libraries: an argument in, a result out, all collected.

In memory with 4 threads: each library's way of handing in a whole batch against submit_many(64)
here, and task by task against submit. Through a broker: `brokers.py`, against a persistent queue
with the same durability, sync="interval".
"""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Callable
from multiprocessing.pool import ThreadPool

from tests.benchmarks import brokers, persistent, throughput
from tests.benchmarks.harness import Case, Sample, Session, module
from tests.benchmarks.report import MICROSECONDS, Report, Target
from tests.benchmarks.report import peers as versions
from tests.benchmarks.work import WARM_UP, WORKERS, echo, timed

TASKS = 5_000
BROKER_TASKS = 1_000
AHEAD = Target("at least", 1)
STANDARD = "multiprocessing ThreadPool.map"


def _warm(work: Callable[[int], int], tasks: int) -> Sample:
    work(min(WARM_UP, tasks))
    return timed(lambda: work(tasks), tasks)


def thread_pool(tasks: int) -> Sample:
    """Run tasks on multiprocessing's ThreadPool.map, which cuts them into chunks by itself.

    There is no task to ask for, to cancel or to retry, only the list at the end. It shows the
    limit, and is no target.
    """
    with ThreadPool(WORKERS) as pool:
        return _warm(lambda n: sum(pool.map(echo, range(n))), tasks)


def pebble(tasks: int) -> Sample:
    """Run tasks on pebble's ThreadPool, `schedule` and `result` of each.

    See "Pools" in https://pebble.readthedocs.io/en/latest/.
    """
    with module("pebble").ThreadPool(max_workers=WORKERS) as pool:

        def work(n: int) -> int:
            made = [pool.schedule(echo, args=(number,)) for number in range(n)]
            return sum(future.result() for future in made)

        return _warm(work, tasks)


def joblib(tasks: int) -> Sample:
    """Run tasks on joblib's threading backend, in batches that it sizes by itself.

    The pool is kept from call to call by the `with` statement, as "Reusing a pool of workers"
    has it (https://joblib.readthedocs.io/en/stable/parallel.html).
    """
    library = module("joblib")
    with library.Parallel(n_jobs=WORKERS, backend="threading") as parallel:
        call = library.delayed(echo)
        return _warm(lambda n: sum(parallel(call(number) for number in range(n))), tasks)


def dask(tasks: int) -> Sample:
    """Run tasks on dask's threads in this process, `map` and `gather` of all at once.

    `processes=False` is the documented way for work that needs no other process, and the cheapest
    (https://distributed.dask.org/en/stable/client.html). `pure=False`, or equal calls would be
    run once. Its docs put the cost of a task near a millisecond and advise larger ones ("Avoid
    Very Large Graphs", https://docs.dask.org/en/stable/best-practices.html); here the tasks stay
    as small as everyone's.
    """
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    client = module("dask.distributed").Client(
        processes=False, n_workers=1, threads_per_worker=WORKERS, dashboard_address=None
    )
    with client:
        return _warm(lambda n: sum(client.gather(client.map(echo, range(n), pure=False))), tasks)


def run(session: Session) -> Report:
    """Measure, and return the table."""
    tasks, through = session.size(TASKS, 50), session.size(BROKER_TASKS, 50)
    cases: dict[str, Case | None] = {
        "submit": session.fresh(throughput.ours, tasks, 0, True),
        "submit_many": session.fresh(throughput.ours, tasks, throughput.BATCH, True),
        STANDARD: session.fresh(thread_pool, tasks),
    }
    for name, package, function in (
        ("pebble ThreadPool", "pebble", pebble),
        ("joblib threading", "joblib", joblib),
        ("dask threads", "distributed", dask),
    ):
        if session.has(package, package):
            cases[name] = session.fresh(function, tasks)
    results = session.measure("peers: in memory", cases)
    results |= session.measure("peers: brokers", _broker_cases(session, through))
    report = Report(
        "peers",
        f"{tasks:,} tasks in memory, {through:,} through a broker",
        peers=versions("pebble", "joblib", "distributed", "dramatiq", "rq", "celery", "redis"),
    )
    for peer, ours in (
        (STANDARD, "submit_many"),
        ("joblib threading", "submit_many"),
        ("dask threads", "submit_many"),
        ("pebble ThreadPool", "submit"),
        ("dramatiq", "persistent"),
        ("RQ SimpleWorker", "persistent"),
        ("Celery prefork", "persistent"),
        ("Celery threads", "persistent"),
    ):
        if peer in results:
            target = AHEAD if peer != STANDARD else None
            report.compare(ours, results, ours, peer, MICROSECONDS, target, rate=True)
    return report


def _broker_cases(session: Session, tasks: int) -> dict[str, Case | None]:
    cases: dict[str, Case | None] = {
        "persistent": session.fresh(persistent.ours, tasks, "interval", 1, 0)
    }
    if shutil.which("redis-server") is None:
        session.notes.append("redis-server is not installed: dramatiq, RQ and Celery skipped.")
        return cases
    if session.has("dramatiq", "dramatiq"):
        cases["dramatiq"] = session.fresh(brokers.dramatiq, tasks)
    if session.has("rq", "rq"):
        cases["RQ SimpleWorker"] = session.fresh(brokers.rq, tasks)
    if session.has("celery", "celery"):
        cases["Celery prefork"] = session.fresh(brokers.celery, tasks, "prefork")
        cases["Celery threads"] = session.fresh(brokers.celery, tasks, "threads")
    return cases
