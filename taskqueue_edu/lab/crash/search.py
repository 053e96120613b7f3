"""Crashes a program after each of its operations, and judges what it recovers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from taskqueue_edu.lab.crash.checks import Acknowledged, NoList, log_kept
from taskqueue_edu.lab.crash.disk import (
    KEPT,
    DiskModel,
    Fate,
    Moment,
    after,
    allows,
    in_order,
    moments,
    with_disorder,
)
from taskqueue_edu.lab.crash.effects import Content, Names
from taskqueue_edu.lab.crash.quiet import quiet
from taskqueue_edu.lab.crash.runs import (
    Again,
    Outcome,
    ProgramRaised,
    Recover,
    Run,
    Runner,
    Spent,
    Trace,
    copied,
    described,
)
from taskqueue_edu.lab.crash.system import Fault
from taskqueue_edu.lab.crash.tree import Runaway

Check: TypeAlias = Callable[[Acknowledged, Any], object]
Phase: TypeAlias = Literal["recovery", "second recovery", "restart"]


@dataclass
class Problem:
    """Why a crash is a failure, and where it showed.

    `inner` is the second recovery, after a crash of the first.
    """

    phase: Phase
    message: str
    outcome: Outcome
    inner: Outcome | None = None


@dataclass
class Found:
    """The first failure."""

    trace: Trace
    moment: Moment
    fates: tuple[Fate, ...]
    problem: Problem
    told: Acknowledged

    @property
    def killed(self) -> bool:
        """Whether the death of the process does it, without that of the machine."""
        return all(fate == KEPT for fate in self.fates)


class Search:
    """The crashes, from the simplest on, and what must hold after each."""

    def __init__(
        self,
        run: Run,
        recover: Recover,
        check: Check = log_kept,
        *,
        start: Content = (),
        model: DiskModel = "strict",
        disorder: int = 2,
        faults: Collection[str] = (),
        restart: bool = True,
        budget: int = 20_000,
    ) -> None:
        self.runner = Runner(run, recover, budget)
        self._check = check
        self._start, self.model, self.disorder = start, model, disorder
        self.faults, self.restart = faults, restart
        self._passed: set[tuple[Content, int, int]] = set()
        self._told: dict[tuple[int, int], Acknowledged] = {}
        self.traces: list[Trace] = []
        self.points = self._runs = 0

    # -- judging

    def judge(self, content: Content, told: Acknowledged) -> Problem | None:
        """Tell what is wrong if a crash leaves that content."""
        outcome = self.runner.outcome(content)
        if problem := self._wrong("recovery", outcome, outcome, told):
            return problem
        if outcome.crashed is None:
            outcome.crashed = self._crashed_recoveries(outcome)
        for inner in outcome.crashed:
            second = self.runner.outcome(inner)
            if problem := self._wrong("second recovery", outcome, second, told):
                return problem
        if self.restart:
            outcome.again = outcome.again or self._start_again(outcome)
            if outcome.again.complaint:
                return Problem("restart", outcome.again.complaint, outcome)
        return None

    def _wrong(
        self, phase: Phase, outcome: Outcome, last: Outcome, told: Acknowledged
    ) -> Problem | None:
        inner = None if last is outcome else last
        if last.error is not None:
            return Problem(phase, f"recovery raised {described(last.error)}", outcome, inner)
        complaint = self._complaint(told, last.value)
        return Problem(phase, complaint, outcome, inner) if complaint else None

    def _complaint(self, told: Acknowledged, value: Any) -> str:
        try:
            # Copies: a check may sort what it gets, or take things out of it.
            mine = Acknowledged(told, told.before, told.later, told.skipped)
            answer = self._check(mine, copied(value))
        except NoList as error:
            raise TypeError(str(error)) from None
        except Exception as error:
            text = str(error).strip().partition("\n")[0]
            return text if isinstance(error, AssertionError) and text else described(error)
        return "" if answer is None or answer else "the check returned False"

    def _crashed_recoveries(self, outcome: Outcome) -> list[Content]:
        """Return what may be on the disk if the machine goes off again while it recovers."""
        if not any(event.effects for event in outcome.log.events):
            return []
        found = {outcome.left: None}
        for moment in moments(outcome.log, self.model):
            for level in range(1, min(self.disorder, 1) + 2):
                for fates in self._level(moment, level):
                    found[after(moment, fates, outcome.log.folders)] = None
        found.pop(outcome.log.start, None)
        return list(found)

    def _start_again(self, outcome: Outcome) -> Again:
        with quiet():
            trace = self.runner.trace(outcome.left)
        told = Acknowledged(trace.log.acknowledged(), outcome.value)
        if trace.error is not None:
            text = f"started again, the program raised {described(trace.error)}"
            return Again(text, told, trace.left)
        second = self.runner.outcome(trace.left)
        if second.error is not None:
            text = described(second.error)
            return Again(f"recovery raised {text}", told, trace.left, text)
        return Again(self._complaint(told, second.value), told, trace.left, repr(second.value))

    # -- searching

    def _level(self, moment: Moment, level: int) -> Iterator[tuple[Fate, ...]]:
        """Level 0: the process is killed; 1: the power goes off; then, with so many in disorder."""
        if level == 0:
            yield (KEPT,) * len(moment.open)
            return
        fates = in_order(moment) if level == 1 else with_disorder(moment, level - 1)
        for chosen in fates:
            if allows(self.model, moment, chosen):
                yield chosen

    def first_failure(self) -> Iterator[Found | None]:
        """Yield None after each level that passed, and at last the failure.

        Raises Spent, ProgramRaised.
        """
        base = self.runner.trace(self._start)
        self.traces.append(base)
        if base.error is not None:
            raise ProgramRaised(f"the program raised {described(base.error)}, without a crash")
        yield from self._levels([base])
        with quiet():
            self.traces += self._faulty(base)
        yield from self._levels(self.traces[1:])

    def _faulty(self, base: Trace) -> Iterator[Trace]:
        counts = {"eio": base.syncs, "enospc": base.writes}
        for kind in self.faults:
            for call in range(1, counts[kind] + 1):
                self._runs += 1
                trace = self.runner.trace(self._start, Fault(kind, call), self._runs)
                if isinstance(trace.error, Runaway):
                    raise ProgramRaised(f"after a fault, {described(trace.error)}")
                yield trace

    def _levels(self, traces: list[Trace]) -> Iterator[Found | None]:
        points = [
            (trace, moment)
            for trace in traces
            for moment in moments(trace.log, self.model, trace.faulted)
        ]
        self.points += len(points)
        for level in range(self.disorder + 2):
            for trace, moment in points:
                for fates in self._level(moment, level):
                    if found := self._try(trace, moment, fates):
                        yield self._simplest(found)
                        return
            yield None

    def _try(self, trace: Trace, moment: Moment, fates: tuple[Fate, ...]) -> Found | None:
        left = after(moment, fates, trace.log.folders)
        told = self._told_by(trace, moment)
        key = (left, trace.number, len(told))
        if key in self._passed:
            return None
        with quiet():
            problem = self.judge(left, told)
        if problem is None:
            self._passed.add(key)
            return None
        return Found(trace, moment, fates, problem, told)

    def _told_by(self, trace: Trace, moment: Moment) -> Acknowledged:
        values = trace.log.acknowledged(moment.events)
        known = self._told.get((trace.number, len(values)))
        if known is None:
            everything = self.traces[0].log.acknowledged()
            position, skipped = 0, []
            for value in values:
                if value in everything[position:]:
                    place_of = everything.index(value, position)
                    skipped += everything[position:place_of]
                    position = place_of + 1
            later = everything[position:]
            later += [v for v in trace.log.acknowledged()[len(values) :] if v not in later]
            with quiet():
                before = self.runner.outcome(self._start).value
            known = Acknowledged(values, before, later, skipped)
            self._told[trace.number, len(values)] = known
        return known

    def _simplest(self, found: Found) -> Found:
        """Keep what need not be lost: names first, then the parts of what is torn."""
        fates = list(found.fates)
        items = found.moment.open
        order = sorted(range(len(fates)), key=lambda n: not isinstance(items[n].effect, Names))
        for place_of in order:
            if fates[place_of] != KEPT:
                tried = (*fates[:place_of], KEPT, *fates[place_of + 1 :])
                if allows(self.model, found.moment, tried):
                    with suppress(Spent):
                        if simpler := self._try(found.trace, found.moment, tried):
                            found, fates = simpler, list(tried)
        return found
