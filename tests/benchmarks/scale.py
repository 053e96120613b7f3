"""How the cost of a task grows with the number of workers and with the number of tasks.

Tasks are no-ops in a memory queue. "Queued": all are submitted before the pool starts, so that
the queue really holds so many, and all results are collected; `retain` is as large, so that none
has expired by then. The line for ThreadPoolExecutor in the picture has the same sizes, but its
workers start at once: it has no way to wait.
"""

from __future__ import annotations

from tests.benchmarks import sizes as cases
from tests.benchmarks.harness import Session
from tests.benchmarks.plot import curves
from tests.benchmarks.report import (
    BYTES,
    MICROSECONDS,
    Report,
    Target,
    figures,
)
from tests.benchmarks.work import WORKERS

POOLS = (1, 2, 4, 16, 64, 256)
SIZES = (1_000, 10_000, 100_000, 1_000_000)
PER_POOL = 20_000
LEAST = 20_000
"""Tasks that a sample has at least: a thousand tasks are run twenty times over."""
WAITERS = 1_000
RETAIN = 1_000
ENOUGH, MORE = 50_000, 400_000
"""Finished tasks: the first number is past what the log of facts holds at RETAIN."""
GROWTH = Target("at most", 1.3)
PEER = "ThreadPoolExecutor"


def run(session: Session) -> Report:
    """Measure, and return the table; the picture goes where the session keeps its files."""
    sizes = [session.size(size, 20) for size in SIZES]
    least, per_pool = session.size(LEAST, 20), session.size(PER_POOL, 20)
    pools = POOLS if session.shrink < 100 else POOLS[:3]
    waiters, trips = session.size(WAITERS, 10), session.size(500, 10)
    by_pool = session.measure(
        "scale: workers", {str(n): session.fresh(cases.workers, n, per_pool) for n in pools}
    )
    by_size = session.measure(
        "scale: queued",
        {f"{n:,} queued": session.fresh(cases.queued, n, least) for n in sizes}
        | {f"{n:,} futures": session.fresh(cases.futures, n, least) for n in sizes},
    )
    few, many = sizes[1], sizes[3]
    enough, more = session.size(ENOUGH, 20), session.size(MORE, 40)
    rest = session.measure(
        "scale: waiting, delayed, kept",
        {
            "waiting": session.fresh(cases.waiting, waiters),
            "waiting on Futures": session.fresh(cases.waiting_futures, waiters),
            "many delayed": session.fresh(cases.delayed, many, trips),
            "few delayed": session.fresh(cases.delayed, few, trips),
            "many finished": session.fresh(cases.retained, more, RETAIN),
            "few finished": session.fresh(cases.retained, enough, RETAIN),
        },
    )
    report = Report("scale", "cost of a task against size")
    for size in (many, sizes[2]):
        report.compare(
            f"{size:,} queued",
            by_size,
            f"{size:,} queued",
            f"{few:,} queued",
            MICROSECONDS,
            GROWTH if size == many else None,
        )
    report.compare(
        f"submitting alone, {many:,}",
        by_size,
        f"{many:,} queued",
        f"{few:,} queued",
        MICROSECONDS,
        key="submitting",
    )
    for size in sizes:
        report.compare(
            f"{size:,} tasks, against its rate",
            by_size,
            f"{size:,} queued",
            f"{size:,} futures",
            MICROSECONDS,
            rate=True,
            shown=PEER,
        )
    for n in pools:
        if n != WORKERS:
            report.compare(
                f"{n} workers",
                by_pool,
                str(n),
                str(WORKERS),
                MICROSECONDS,
                shown=f"{WORKERS} workers",
            )
    report.compare(
        f"{waiters:,} threads wait, until all are gone",
        rest,
        "waiting",
        "waiting on Futures",
        MICROSECONDS,
        rate=True,
    )
    report.compare(
        f"a delayed submit, {many:,} of them",
        rest,
        "many delayed",
        "few delayed",
        MICROSECONDS,
        GROWTH,
        shown=f"{few:,} of them",
    )
    report.compare(
        "a round trip beside them",
        rest,
        "many delayed",
        "few delayed",
        MICROSECONDS,
        key="trip",
        shown=f"beside {few:,}",
    )
    report.compare(
        f"bytes after {more:,} tasks, retain={RETAIN:,}",
        rest,
        "many finished",
        "few finished",
        BYTES,
        Target("at most", 1.1),
        key="bytes",
        shown=f"after {enough:,}",
    )
    if session.folder is not None and by_size and not session.stopped:
        path = session.folder / "scale.png"
        lines = {
            "taskqueue_edu": [figures(by_size, f"{n:,} queued", "seconds") for n in sizes],
            PEER: [figures(by_size, f"{n:,} futures", "seconds") for n in sizes],
        }
        curves(
            path, sizes, lines, list(pools), [figures(by_pool, str(n), "seconds") for n in pools]
        )
        report.pictures.append(path.name)
    return report
