"""Runs schedule after schedule, in the order of preemptions, until one fails or none is left.

A *preemption* is a switch away from a thread that could have gone on. Most concurrency errors need
one or two (Musuvathi and Qadeer, "Iterative Context Bounding", 2007), so the search runs all
schedules without any, then those with one, then two. The first failure it meets has the fewest.
"""

from __future__ import annotations

import gc
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from mmap import mmap
from types import ModuleType
from typing import Final, cast

from taskqueue_edu.lab.interleave.carriers import Carriers
from taskqueue_edu.lab.interleave.output import Output
from taskqueue_edu.lab.interleave.patches import Patches
from taskqueue_edu.lab.interleave.priorities import Priorities
from taskqueue_edu.lab.interleave.scenarios import made_outside
from taskqueue_edu.lab.interleave.schedule import NOT_REPEATABLE, Course, Run, me
from taskqueue_edu.lab.interleave.scope import Scope
from taskqueue_edu.lab.interleave.sharing import Sharing
from taskqueue_edu.lab.interleave.story import Recorder, Step
from taskqueue_edu.lab.interleave.tracing import tracer
from taskqueue_edu.lab.interleave.verdict import Kind, Plan, Verdict

BUDGET: Final = 20_000
"""How many schedules are run at most, unless the caller says otherwise."""
_COLLECT: Final = 250
"""After how many schedules the garbage of the scenarios is collected."""

Choices = tuple[tuple[int, int], ...]


class Laboratory:
    """Where schedules of one scenario run: everything that is the same for all of them."""

    def __init__(
        self,
        scenario: Callable[[], object],
        *,
        also: Iterable[ModuleType] = (),
        benign: Iterable[str] = (),
        everything: bool = False,
        limits: bool = True,
    ) -> None:
        self.scenario = scenario
        self.limits = limits
        self.scope = Scope(also)
        self.sharing = Sharing(benign, everything=everything)
        self.tracer = tracer(self.scope, self.sharing)
        self.carriers = Carriers()
        self.patches = Patches(self.scope, scenario)
        self.schedules = 0

    @contextmanager
    def open(self) -> Iterator[None]:
        """Have everything in place that schedules need, and leave nothing of it behind."""
        if me() is not None or _busy.locked():
            raise RuntimeError("explore() is under way already: one at a time")
        with _busy:
            state, collects, out = random.getstate(), gc.isenabled(), sys.stdout
            # A collection could run code of the scenario, in the middle of any instruction.
            gc.disable()
            self.tracer.put_in_place()
            try:
                self.patches.put_in_place()
                sys.stdout = Output(out)
                yield
            finally:
                sys.stdout = out
                self.patches.take_away()
                self.tracer.take_away()
                self.carriers.end()
                random.setstate(state)
                if collects:
                    gc.enable()

    def run(
        self,
        choices: Choices,
        cost: int,
        bound: int,
        seen: dict[tuple[int, ...], int] | None,
        recorder: Recorder | None = None,
        priorities: Priorities | None = None,
        course: Course | None = None,
        alike: Run | None = None,
    ) -> Run:
        """Run one schedule.

        Locks of which a run `alike` made several have numbers from the first one on.
        """
        run = Run(
            dict(choices),
            cost,
            bound,
            self.carriers,
            self.sharing,
            self.tracer,
            seen,
            recorder,
            priorities,
            course,
            limits=self.limits,
            alike=alike,
        )
        self.execute(run)
        return run

    def execute(self, run: Run) -> None:
        """Run a schedule to its end."""
        self.tracer.begin(run)
        self.patches.renew()
        random.seed(0)
        run.execute(self.scenario)
        self.schedules += 1
        if self.schedules % _COLLECT == 0:
            gc.collect(1)


_busy: Final = threading.Lock()


def explore(
    scenario: Callable[[], object],
    *,
    bound: int = 2,
    budget: int = BUDGET,
    beyond: int = 0,
    seed: int = 0,
    also: Iterable[ModuleType] = (),
    benign: Iterable[str] = (),
    limits: bool = True,
) -> Verdict:
    """Run `scenario` in all interleavings of its threads with up to `bound` preemptions.

    The scenario is a function without arguments. It makes what it needs, starts threads, as with
    `together`, and asserts what must hold. It is run once for each schedule, so it must not build
    on what an earlier run left behind. At most `budget` schedules are run: a time limit would let
    the verdict depend on the machine. If none of them fails, `beyond` random ones follow, with
    more preemptions; `seed` gives others, and the same one the same.

    A step is an operation of a lock, queue or other primitive, or an access to shared data, by the
    code under test: all but the standard library, installed packages and taskqueue_edu, unless
    `also` names some of their modules. `benign` are names of attributes whose races do no harm.
    With `limits=False` no wait ends because its time is over, as if each limit were very long: that
    shows whether somebody wakes who waits. A `sleep` ends, and so does a wait of no time.
    """
    if not callable(scenario):
        raise TypeError(
            f"explore() runs a function, and {scenario!r} is not callable: hand the scenario over "
            "itself, without calling it"
        )
    lab = Laboratory(scenario, also=also, benign=benign, limits=limits)
    _note(running=True)
    try:
        with lab.open():
            verdict = Search(lab, bound, budget, beyond=beyond, seed=seed).verdict()
    finally:
        _note(running=False)
    if _kept is not None:
        _kept.append(verdict)
    return verdict


EXPLORES: Final = 1
HAS_EXPLORED: Final = 2

_kept: list[Verdict] | None = None
_running: mmap | None = None


@contextmanager
def keeping(running: mmap) -> Iterator[list[Verdict]]:
    """Keep what each call of `explore` has found meanwhile, whatever becomes of it there.

    The first byte of `running` is EXPLORES during a call, and HAS_EXPLORED after it, for another
    process to see.
    """
    global _kept, _running
    before = _kept, _running
    kept: list[Verdict] = []
    _kept, _running = kept, running
    try:
        yield kept
    finally:
        _kept, _running = before


def _note(*, running: bool) -> None:
    if _running is not None:
        _running[0] = EXPLORES if running else HAS_EXPLORED


def replay(
    verdict: Verdict,
    *,
    also: Iterable[ModuleType] = (),
    benign: Iterable[str] = (),
    limits: bool = True,
) -> Verdict:
    """Run the schedule of a failed verdict again, and return what it comes to now.

    The scenario is the one that was explored; `also`, `benign` and `limits` should be as then.
    Raises ValueError if the verdict has no schedule.
    """
    if verdict.scenario is None or not verdict.steps:
        raise ValueError("this verdict has no schedule to run again")
    lab = Laboratory(verdict.scenario, also=also, benign=benign, limits=limits)
    lab.sharing.start_from(verdict.plan.known)
    with lab.open():
        return Search(lab, verdict.bound, 0).again(verdict.plan.choices)


class Search:
    """The schedules of a laboratory, the simplest first."""

    def __init__(
        self,
        lab: Laboratory,
        bound: int,
        budget: int,
        *,
        beyond: int = 0,
        seed: int = 0,
        prune: bool = True,
    ) -> None:
        self._lab, self._bound, self._budget, self._prune = lab, bound, budget, prune
        self._beyond, self._seed = beyond, seed
        self._points = 1
        self._began = time.perf_counter()
        self._frontier: list[deque[tuple[Choices, Course | None]]] = []
        """By preemptions: the plans to be run, and the course of the run each branches off from."""
        self._seen: dict[tuple[int, ...], int] = {}
        self._cost = 0
        self._failed_before = False
        self._restart()

    def _restart(self) -> None:
        """Begin again: more is known now about what is shared."""
        self._lab.sharing.grown = False
        self._lab.tracer.forget()
        self._seen.clear()
        self._frontier = [deque() for _ in range(self._bound + 1)]
        self._frontier[0].append(((), None))

    def runs(self) -> Iterator[tuple[Run, Choices]]:
        """Run schedule after schedule; yield each that counts, until the budget is spent.

        When one shows more about what is shared, all begins again.
        """
        while (cost := self._next_cost()) is not None and self._lab.schedules < self._budget:
            self._cost = cost
            choices, course = self._frontier[cost].popleft()
            seen = self._seen if self._prune else None
            run = self._lab.run(choices, cost, self._bound, seen, course=course)
            if _is_stuck(run):
                yield run, choices
                return
            if self._lab.sharing.grown:
                self._failed_before |= run.failure is not None
                self._restart()
                continue
            self._points = max(self._points, run.points)
            self._branch(run, choices, cost)
            if not run.pruned:
                yield run, choices

    def _all_runs(self) -> Iterator[tuple[Run, Choices]]:
        """Run them, and then the random ones; begin again if these show more."""
        grown = True
        while grown:
            yield from self.runs()
            grown = False
            for number in range(self._beyond):
                changes = self._bound + 1 + number % _DEEPER
                order = Priorities(self._seed, number, self._points, changes)
                run = self._lab.run((), self._bound, self._bound, None, priorities=order)
                grown = self._lab.sharing.grown and not _is_stuck(run)
                if grown:
                    self._failed_before |= run.failure is not None
                    self._restart()
                    break
                yield run, tuple(run.taken)

    def verdict(self) -> Verdict:
        """Run them all, or until one fails."""
        for run, choices in self._all_runs():
            if run.failure is None:
                continue
            if _is_stuck(run):
                return self._make(False, "stuck", run.failure.message, self._cost, run)
            shortest, its_choices = self._shortest(run, choices)
            if _is_stuck(shortest):
                assert shortest.failure is not None
                return self._make(False, "stuck", shortest.failure.message, self._cost, shortest)
            return self._failed(shortest, its_choices)
        if (cost := self._next_cost()) is not None:
            return self._spent(cost)
        if self._failed_before:  # a schedule that is among those which passed now
            return self._make(False, "not repeatable", NOT_REPEATABLE, self._cost)
        passed = f"every schedule with up to {_preemptions(self._bound)} passed"
        return self._make(True, "ok", passed + self._random_ones(), self._bound)

    @property
    def left(self) -> bool:
        """Whether there are schedules that have not been run."""
        return self._next_cost() is not None

    def _next_cost(self) -> int | None:
        return next((cost for cost, plans in enumerate(self._frontier) if plans), None)

    def _branch(self, run: Run, choices: Choices, cost: int) -> None:
        for point, costs in run.branches:
            for option in range(1, len(costs)):
                total = cost + costs[option]
                if total <= self._bound:
                    self._frontier[total].append(((*choices, (point, option)), run.course))

    # -- a failing schedule

    def _shortest(self, run: Run, choices: Choices) -> tuple[Run, Choices]:
        """Look for a schedule that fails in the same way with fewer switches."""
        best, best_choices, cost = run, choices, self._cost
        for other, other_choices in islice(self.runs(), _NEARBY):
            if _is_stuck(other):
                return other, other_choices
            if self._cost > cost:
                break
            if _fails_alike(other, best) and _length(other) < _length(best):
                best, best_choices = other, other_choices
        shorter = True
        while shorter:
            shorter = False
            for i in reversed(range(len(best_choices))):
                fewer = best_choices[:i] + best_choices[i + 1 :]
                other = self._lab.run(fewer, cost, self._bound, None)
                if _fails_alike(other, best) and _length(other) <= _length(best):
                    best, best_choices, shorter = other, fewer, True
                    break
        self._cost = cost
        return best, best_choices

    def again(self, choices: Choices) -> Verdict:
        """Run one schedule and write it down."""
        recorder = Recorder(self._lab.scope)
        alike = self._lab.run(choices, self._bound, self._bound, None)
        self._lab.schedules = 0  # that one only told how many locks there are
        run = self._lab.run(choices, self._bound, self._bound, None, recorder, alike=alike)
        if run.failure is None:
            return self._make(True, "ok", "this schedule passed", self._bound, run, ())
        kind = cast(Kind, run.failure.kind)
        return self._make(
            False, kind, run.failure.message, self._bound, run, recorder.steps(), choices
        )

    def _failed(self, run: Run, choices: Choices) -> Verdict:
        recorder = Recorder(self._lab.scope)
        again = self._lab.run(choices, self._cost, self._bound, None, recorder, alike=run)
        if again.failure is None or not _fails_alike(again, run):
            return self._make(False, "not repeatable", NOT_REPEATABLE, self._cost)
        kind = cast(Kind, again.failure.kind)
        return self._make(
            False, kind, again.failure.message, again.preemptions, again, recorder.steps(), choices
        )

    def _random_ones(self) -> str:
        if not self._beyond:
            return ""
        return f"; {self._beyond:,} random ones beyond passed too (seed {self._seed})"

    def _spent(self, cost: int) -> Verdict:
        passed = (
            f"every schedule with up to {_preemptions(cost - 1)} passed"
            if cost
            else "none failed so far"
        )
        return self._make(
            None,
            "budget spent",
            f"the budget of {self._budget:,} schedules is spent; {passed}{self._random_ones()}",
            cost - 1,
        )

    def _make(
        self,
        ok: bool | None,
        kind: Kind,
        message: str,
        bound: int,
        run: Run | None = None,
        steps: tuple[Step, ...] = (),
        choices: Choices = (),
    ) -> Verdict:
        sharing = self._lab.sharing
        if kind in ("stuck", "not repeatable") and (
            names := made_outside(self._lab.scenario, self._lab.scope)
        ):
            message = NOT_IN_THE_SCENARIO.format(" and ".join(names))
        return Verdict(
            ok,
            kind,
            message,
            self._lab.schedules,
            len(self._seen),
            time.perf_counter() - self._began,
            bound,
            tuple(s.name for s in run.strands) if run else (),
            steps,
            run.switches if run else 0,
            "".join(run.output) if run else "",
            self._lab.scenario,
            Plan(choices, sharing.known()),
        )


NOT_IN_THE_SCENARIO: Final = (
    "{} was made outside the scenario, so each schedule goes on with what the last one has left. "
    "Make it inside"
)
_DEEPER: Final = 3
"""Random schedules have one to so many changes of priority more than the bound has preemptions."""
_NEARBY: Final = 100
"""How many more schedules are tried for a shorter one that fails."""


def _is_stuck(run: Run) -> bool:
    return bool(run.lost) or (run.failure is not None and run.failure.kind == "stuck")


def _fails_alike(run: Run, other: Run) -> bool:
    return (
        run.failure is not None
        and other.failure is not None
        and run.failure.kind == other.failure.kind
    )


def _length(run: Run) -> tuple[int, int]:
    return run.switches, run.points


def _preemptions(count: int) -> str:
    return "1 preemption" if count == 1 else f"{count} preemptions"
