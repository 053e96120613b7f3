"""What the lab finds, and how fast: each mistake of tests/lab, and each program that is right.

The same programs go to the other explorers of threads that PyPI has, each in a process of its own
that gets `lab_peers.LIMIT` seconds: see `lab_peers` for how they are told of them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from functools import partial

from taskqueue_edu.lab.interleave import Verdict, explore
from tests.benchmarks import lab_peers
from tests.benchmarks.harness import Case, Results, Sample, Session
from tests.benchmarks.report import RATE, SECONDS, Report, Target, figures, peers
from tests.lab.lab_programs import BUGS, CORRECT

TIMES = 100
"""How often each mistake is looked for."""
PACE = Target("at least", 1500, unit=RATE)
FOUND, EXHAUSTED = Target("at most", 1, unit=SECONDS), Target("at most", 3, unit=SECONDS)

_Scenario = Callable[[], None]


class _Program:
    """One program, and what the lab has said of it so far."""

    def __init__(self, name: str, scenario: _Scenario) -> None:
        self.name, self._scenario = name, scenario
        self.verdict: Verdict | None = None

    def once(self) -> Sample:
        began = time.perf_counter()
        verdict = explore(self._scenario)
        seconds = time.perf_counter() - began
        if self.verdict is None:
            self.verdict = verdict
        alike = _of(verdict) == _of(self.verdict)
        return {"seconds": seconds, "schedules": verdict.schedules, "alike": alike}

    def row(self, results: Results, target: Target) -> list[str]:
        verdict, seconds = self.verdict, figures(results, self.name, "seconds")
        if verdict is None or not seconds:
            return [self.name, *["-"] * 6]
        alike = sum(figures(results, self.name, "alike"))
        middle = statistics.median(seconds)
        return [
            self.name.replace("_", " "),
            f"exhausted, bound {verdict.bound}" if verdict.ok else verdict.kind,
            f"{verdict.schedules:,}",
            f"{verdict.states:,}",
            f"{middle:.3f} (at most {max(seconds):.3f})",
            target.met(middle),
            f"{alike:.0f} of {len(seconds)}",
        ]


def _of(verdict: Verdict) -> tuple[object, ...]:
    return verdict.kind, verdict.message, verdict.schedules, verdict.states, verdict.steps


def _table(
    session: Session, title: str, scenarios: Iterable[tuple[str, _Scenario]], rounds: int | None
) -> tuple[list[_Program], Results]:
    programs = [_Program(name, scenario) for name, scenario in scenarios]
    cases: dict[str, Case | None] = {program.name: program.once for program in programs}
    return programs, session.measure(title, cases, rounds)


def _ask(session: Session, report: Report, there: list[str], programs: list[_Program]) -> None:
    """Add a column for each other explorer."""
    report.head += there
    for row, program in zip(report.rows, programs, strict=True):
        row += ["-" if session.stopped else lab_peers.ask(peer, program.name) for peer in there]


def run(session: Session) -> Report:
    """Measure, and return the tables."""
    mistakes = ((name, scenario) for name, (scenario, _) in BUGS.items())
    bugs, found = _table(session, "lab: mistakes", mistakes, session.size(TIMES, 2))
    right, passed = _table(session, "lab: right", CORRECT.items(), None)
    head = ["program", "verdict", "schedules", "states", "seconds", "met", "alike"]
    times = session.size(TIMES, 2)
    report = Report("lab", f"{len(bugs)} mistakes, each looked for {times} times", head=[*head])
    report.rows = [program.row(found, FOUND) for program in bugs]
    second = Report("lab", f"{len(right)} programs that are right", head=[*head])
    second.rows = [program.row(passed, EXHAUSTED) for program in right]
    there = [peer for peer, name in lab_peers.PEERS.items() if session.has(name, peer)]
    _ask(session, report, there, bugs)
    _ask(session, second, there, right)
    report.parts.append(second)
    report.peers = peers(*lab_peers.PEERS)
    report.notes += [
        f"Target: a mistake in {FOUND}, a program that is right in {EXHAUSTED}: the median counts.",
        '"alike": how many explorations had the same kind, message, counts and steps.',
        _rate([found, passed]),
        *([lab_peers.NOTE] if there else []),
    ]
    for program in (*bugs, *right):
        # A verdict counts as false if it is one on a mistake.
        kind = None if program.verdict is None else program.verdict.kind
        report.verdicts.append({"work": program.name, "verdict": kind})
    return report


def _rate(tables: list[Results]) -> str:
    rates = [
        sum(f(results, name) for results in tables for name in results)
        for f in (partial(_total, key="schedules"), partial(_total, key="seconds"))
    ]
    rate = rates[0] / rates[1] if rates[1] else 0.0
    return f"All together: {rate:,.0f} schedules a second, target {PACE}, met: {PACE.met(rate)}."


def _total(results: Results, name: str, key: str) -> float:
    return sum(figures(results, name, key))
