"""Snapshots made by hand: the same at every run."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from taskqueue_edu import facts
from taskqueue_edu.monitor import KEPT_RUNS, Point, Run, Snapshot
from taskqueue_edu.sketch import Percentiles
from taskqueue_edu.task import TaskStatus

AT = 1_700_000_000_000_000_000
NOTHING = Percentiles(math.nan, math.nan, math.nan)
SECOND = 1_000_000_000

EMPTY = Snapshot(
    at=AT,
    seconds=30.0,
    width=0.5,
    counts=dict.fromkeys(TaskStatus, 0),
    totals=dict.fromkeys(facts.KINDS, 0),
    throughput=0.0,
    arrivals=0.0,
    waiting=NOTHING,
    running=NOTHING,
    depth=0,
    maxsize=0,
    paused=False,
    workers=0,
    busy=(),
    runs=(),
    points=tuple(Point(-n / 2, 0.0, 0.0, 0.0, 0, NOTHING, NOTHING) for n in range(60, 0, -1)),
)


def run(worker: str, start: float, end: float | None, outcome: str = facts.SUCCEEDED) -> Run:
    """Return a run; `start` and `end` are seconds before the snapshot, None for still running."""
    ended = 0 if end is None else AT - round(end * SECOND)
    kind = "" if end is None else outcome
    return Run(worker, "task-1", "sleep", AT - round(start * SECOND), ended, kind)


def change(**changes: Any) -> Snapshot:
    """Return BUSY with some fields changed."""
    return dataclasses.replace(BUSY, **changes)


def _point(number: int) -> Point:
    times = Percentiles(0.010, 0.020 + number / 1e3, 0.030 + number / 1e3)
    return Point(-number / 2, 20.0, 18.0, 2.0, 30 - number, times, times if number % 9 else NOTHING)


BUSY = dataclasses.replace(
    EMPTY,
    counts={**EMPTY.counts, TaskStatus.PENDING: 30, TaskStatus.RUNNING: 2},
    totals={
        **EMPTY.totals,
        facts.SUBMITTED: 1_240,
        facts.SUCCEEDED: 1_200,
        facts.FAILED: 7,
        facts.CANCELLED: 1,
        facts.RETRIED: 9,
        facts.RECOVERED: 1,
    },
    throughput=18.0,
    arrivals=20.0,
    waiting=Percentiles(0.012, 0.150, 0.2),
    running=Percentiles(0.1, 0.4, 1.5),
    depth=30,
    maxsize=40,
    workers=3,
    busy=(run("worker-1", 0.4, None), run("worker-10", 0.1, None)),
    runs=(
        run("worker-1", 9.0, 8.0),
        run("worker-2", 7.0, 6.0, facts.FAILED),
        run("worker-10", 7.0, 5.0, facts.RETRIED),
        run("worker-1", 6.0, 4.0, facts.RECOVERED),
        run("worker-2", 5.0, 3.0, facts.CANCELLED),
        run("worker-2", 2.5, 2.0),
    ),
    points=tuple(_point(number) for number in range(20, 0, -1)),
)

BURST = change(
    points=(
        Point(-3.0, 1_200.0, 0.0, 0.0, 600, NOTHING, NOTHING),
        *(Point(-n / 2, 0.0, 20.0, 0.0, 500, NOTHING, NOTHING) for n in range(5, 0, -1)),
    )
)

CROWD = change(
    workers=30,
    runs=tuple(
        run(f"worker-{n % 30}", (KEPT_RUNS - n) / 100 + 0.02, (KEPT_RUNS - n) / 100)
        for n in range(KEPT_RUNS)
    ),
)

ALL = {
    "empty": EMPTY,
    "busy": BUSY,
    "paused": change(paused=True),
    "burst": BURST,
    "crowd": CROWD,
    "one worker that waits": change(runs=(), busy=(), workers=1),
    "no pool": change(workers=0, busy=()),
}
