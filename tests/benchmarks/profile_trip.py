"""Where a round trip goes: what runs on either side, and how often the threads change places."""

from __future__ import annotations

import os
from typing import Final

from tests.benchmarks import latency
from tests.benchmarks.bytecodes import CLIENT, WORKER, counted
from tests.benchmarks.harness import Sample, Session
from tests.benchmarks.latency import PEER, through_executor, through_queue
from tests.benchmarks.report import Report, beside, figures

TRIPS = 10_000
TRACED = 50
SIDES: Final = {"here": through_queue, PEER: through_executor}


def sides(name: str) -> Sample:
    """Return how many bytecodes client and worker execute for a round trip."""
    with counted() as counts, SIDES[name]() as trip:
        for _ in range(TRACED):
            trip()
        before = counts.copy()
        for _ in range(TRACED):
            trip()
        return {side: (counts[side] - before[side]) / TRACED for side in (CLIENT, WORKER)}


def run(session: Session) -> Report:
    """Measure, and return the table."""
    report = Report("profile", "a round trip on one core", head=["", "here", PEER, "ratio"])
    if not hasattr(os, "sched_setaffinity"):
        return report
    trips = session.size(TRIPS, 100)
    cases = {"here": session.fresh(latency.ours, trips), PEER: session.fresh(latency.peer, trips)}
    results = session.measure("profile: round trip", cases)
    bytecodes = {name: sides(name) for name in SIDES}
    for side, does in ((CLIENT, "submits, and waits"), (WORKER, "claims, runs, settles")):
        own, other = (bytecodes[name][side] for name in SIDES)
        label = f"bytecodes of the {side}: {does}"
        report.rows.append([label, f"{own:.0f}", f"{other:.0f}", f"{own / other:.2f}x"])
    for key, label, scale, digits in (
        ("sleeps", "a thread goes to sleep, times", 1, 2),
        ("preemptions", "a thread leaves the core to one that it woke, times", 1, 2),
        ("p50", "median, µs", 1e6, 1),
    ):
        ours, theirs = ([scale * v for v in figures(results, name, key)] for name in SIDES)
        report.rows.append(beside(label, ours, theirs, digits))
    return report
