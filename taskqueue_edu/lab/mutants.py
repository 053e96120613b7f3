"""mutants: the learner writes a test, and broken implementations try to get past it."""

from __future__ import annotations

import _thread
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from mmap import mmap
from types import FrameType
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from taskqueue_edu.lab.checks import conclude, gently
from taskqueue_edu.lab.crash.explore import keeping as keeping_crashes
from taskqueue_edu.lab.exercises import Exercise, find, import_file
from taskqueue_edu.lab.interleave.scenarios import asserts
from taskqueue_edu.lab.interleave.scope import Scope
from taskqueue_edu.lab.interleave.search import EXPLORES, keeping
from taskqueue_edu.lab.isolate import isolated, where
from taskqueue_edu.lab.probes import HANGS, QUESTIONS, asked, describe, evidence_of, said, undone
from taskqueue_edu.lab.verdict import Evidence, State, Verdict

SECONDS: Final = 10.0
"""So long a test may take on one implementation: then it hangs, and a test must end."""


def mutants(exercise: str, test: Callable[[Any], Any]) -> None:
    """Run a test on right implementations and on broken ones, and show which got past it.

    `test` gets an implementation, and raises AssertionError if that is broken. The exercise's
    folder has the right ones as `solution` and `alt_*`, the broken ones as `wrong_*`.
    """
    with gently():
        found = find(exercise)
        verdict = _judge(found, test)
        conclude(verdict)


class _Ran(msgspec.Struct, frozen=True):
    """What came of a test on one implementation."""

    complaint: str = ""
    """Why the test turns it down; "" if it lets it pass."""
    explored: int = 0
    """How many scenarios the test has explored."""
    silent: int = 0
    """How many of them assert nothing."""
    failed: str = ""
    """What the last exploration that was not ok came to."""
    kind: str = ""
    evidence: Evidence | None = None
    crashed: bool = False
    """Whether that was found by `crash_test`, and not by `explore`."""
    slept: bool = False
    """Whether the test has called `time.sleep`, outside of `explore`."""
    returned: str = ""
    """What the test returned; "" for None."""
    hung: bool = False
    """Whether the test did not end."""
    exploring: bool = False
    """Whether `explore` was at it then."""
    plain: bool = False
    """Whether `explore` had not been called until then."""


def _judge(exercise: Exercise, test: Callable[[Any], Any]) -> Verdict:
    if missing := undone(test):
        return Verdict(exercise.name, State.TODO, happened=missing)
    rights = ["solution", *(f"alt_{name}" for name in exercise.others("alt"))]
    silent = slept = explored = False
    for name in rights:
        ran = _run(exercise, name, test)
        if ran.complaint or ran.kind in _NO_EVIDENCE:
            return _turned_down(exercise, ran)
        silent |= ran.explored > 0 and ran.silent == ran.explored
        slept |= ran.slept
        explored |= ran.explored > 0
    broken = {name: _run(exercise, f"wrong_{name}", test) for name in exercise.others("wrong")}
    survivors = [name for name, ran in broken.items() if not ran.complaint]
    if not survivors and slept:
        return Verdict(
            exercise.name,
            State.COUNTEREXAMPLE,
            tried="What your test waits for",
            happened=(
                "It tells the right ones from the broken ones, here and now. But it sleeps: on a "
                "slower machine a right one may not be done when it wakes up."
            ),
            question="What could it wait for, or do itself, in the same thread?",
        )
    if not survivors:
        told = (
            f"{len(rights)} right implementations pass",
            (f"all {len(broken)} broken ones are turned down"),
        )
        return Verdict(exercise.name, State.PASS, passed=told)
    if len(survivors) == len(broken) and (why := _turns_nothing_down(exercise, test, broken)):
        return Verdict(
            exercise.name,
            State.COUNTEREXAMPLE,
            tried=f"Your test on {len(broken)} broken implementations",
            happened=f"All of them got past it. {why}",
            question="By which line does your test turn an implementation down?",
        )
    # Only one of them: to think of the others is the exercise.
    one = "" if len(survivors) == 1 else ". One of them"
    happened = f"{len(survivors)} got past it{one}: {_what(exercise, survivors[0])}"
    question = "What would one of them do that a right one never does?"
    if seen := sum(bool(broken[name].failed) for name in survivors):
        tool, what = "explore(scenario)", "a schedule that fails"
        if any(broken[name].crashed for name in survivors):
            tool, what = "crash_test(...)", "a crash that loses something"
        happened += (
            f"\nFor {seen} of them `{tool.partition('(')[0]}` has found {what}, and your test does "
            "not look at what it returns."
        )
        question = f"What does `{tool}` return, and which line asserts it?"
    elif not explored and _explores(exercise):
        happened += f"\nYour test has explored nothing: {_PLAIN}"
        question = "What runs a scenario in every order, and which line hands yours over to it?"
    elif silent:
        happened += (
            "\nYour scenario asserts nothing: it fails only if a thread raises an error or waits "
            "for ever."
        )
        question = "What must be true, and at which line of the scenario can it be asserted?"
    return Verdict(
        exercise.name,
        State.COUNTEREXAMPLE,
        tried=f"Your test on {len(broken)} broken implementations",
        happened=happened,
        question=question,
    )


def _turns_nothing_down(
    exercise: Exercise, test: Callable[[Any], Any], broken: dict[str, _Ran]
) -> str:
    """Say why a test can't turn anything down; "" if it could."""
    for ran in broken.values():
        if ran.explored or ran.failed:
            return ""
        if ran.returned:
            return f"It returned {ran.returned}, and nobody looks at what a test returns."
    if not asserts(test, Scope(())):
        return "It has no `assert`."
    if any(_catches(exercise, f"wrong_{name}", test) for name in broken):
        return (
            "An `assert` of it failed, and the test itself held that back: `except`, or `return` "
            "in `finally`."
        )
    return ""


def _catches(exercise: Exercise, name: str, test: Callable[[Any], Any]) -> bool:
    """Tell whether an `assert` fails in a test that lets an implementation pass."""

    def run() -> bytes:
        failed = False

        def look(_frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal failed
            failed |= event == "exception" and issubclass(argument[0], AssertionError)
            return look

        sys.settrace(look)
        try:
            test(*exercise.answers(name))
        finally:
            sys.settrace(None)
        return b"1" if failed else b""

    return bool(isolated(run, SECONDS).answer)


_SMALLER: Final = "Would fewer threads, or fewer steps, show the same?"
"""What to ask if a scenario has too many schedules."""
_PLAIN: Final = "outside of `explore`, threads run in one order, as it comes."
_NO_EVIDENCE: Final = ("stuck", "not repeatable")
"""Kinds of verdicts that say something of a scenario, and nothing of what it tries."""


def _turned_down(exercise: Exercise, ran: _Ran) -> Verdict:
    """Say that a test turns down what is right, and why."""
    happened, evidence = f"It was turned down: {ran.complaint}", ran.evidence
    promised = "Does your test ask for something that was not promised?"
    lacks = any(f"Error: '{name}' object " in ran.complaint for name in exercise.check.names)
    question = promised if lacks else asked(ran.complaint, promised)
    if ran.exploring:
        happened = (
            f"It was turned down: `explore` was still trying schedules after {SECONDS:.0f} seconds."
        )
        question = _SMALLER
    elif ran.hung:
        question = HANGS
    elif ran.kind in _NO_EVIDENCE:
        why = ran.failed.removeprefix(f"{ran.kind}: ")
        happened, evidence = f"`explore` could not try it: {why}", None
        question = "What does the scenario use that it has not made?"
    elif ran.kind == "budget spent":
        happened = f"It was turned down: {ran.failed}"
        question = _SMALLER
    elif ran.crashed:
        happened = f"It was turned down: {ran.failed}"
        question = (
            "What did your test acknowledge, and when; and what may `recover` find before that?"
        )
    elif ran.failed:
        happened = f"It was turned down: {ran.failed}"
        question = asked(
            ran.failed, "Which of those lines are your test's: do they ask too much, or race?"
        )
        question = QUESTIONS.get(ran.kind, question)
    elif ran.explored and ran.complaint.startswith("AssertionError"):
        happened += "\nBy then, `explore` had found nothing."
        question = "What does `explore` return if it finds nothing: what does your test make of it?"
    fails = ran.hung or ran.complaint.startswith("AssertionError")
    if fails and ran.plain and _explores(exercise):
        happened += f"\nBy then, your test had explored nothing: {_PLAIN}"
    return Verdict(
        exercise.name,
        State.COUNTEREXAMPLE,
        tried="Your test on an implementation that is right",
        happened=happened,
        question=question,
        evidence=evidence,
    )


def _explores(exercise: Exercise) -> bool:
    """Tell whether an exercise is about what `explore` finds: then its own check uses it."""
    return any("explore" in probe.run.__globals__ for probe in exercise.check.probes)


def _run(exercise: Exercise, name: str, test: Callable[[Any], Any]) -> _Ran:
    """Run a test on an implementation, in a copy of this process.

    It is ended as soon as none of its threads can ever go on.
    """

    # With the copy: whether it explores, whether it waits for ever, and at which lines.
    shared = mmap(-1, 4096)

    def run() -> bytes:
        if hasattr(os, "fork"):  # it is a copy that may be ended
            _thread.start_new_thread(_end_if_stuck, (shared,))
        complaint = returned = ""
        with keeping(shared) as verdicts, keeping_crashes() as crashes, _sleeps(test) as sleeps:
            try:
                value = test(*exercise.answers(name))
                returned = "" if value is None else repr(value).partition(" at 0x")[0][:80]
            except Exception as error:
                complaint = describe(error)
        scope = Scope(())
        silent = sum(v.scenario is not None and not asserts(v.scenario, scope) for v in verdicts)
        ran = _Ran(
            complaint,
            len(verdicts),
            silent,
            slept=bool(sleeps),
            returned=returned,
            plain=not verdicts,
        )
        if failing := [verdict for verdict in verdicts if not verdict.ok]:
            last = failing[-1]
            evidence = evidence_of(last) if last.steps else None
            told = said(last.kind, last.message)
            ran = replace(ran, failed=told, kind=last.kind, evidence=evidence)
        elif crashes and not crashes[-1].ok:
            found = crashes[-1]
            evidence = evidence_of(found) if found.failure else None
            told = said(found.kind, found.message)
            ran = replace(ran, failed=told, kind=found.kind, evidence=evidence, crashed=True)
        return msgspec.json.encode(ran)

    ended = isolated(run, SECONDS)
    exploring, plain = shared[0] == EXPLORES, not shared[0]
    if shared[1]:
        lines = shared[2:].rstrip(b"\0").decode(errors="ignore")
        return _Ran(f"It waits for ever.{lines}", hung=True, plain=plain)
    if ended.answer is None:
        return _Ran(ended.why, hung=ended.hung, exploring=exploring, plain=plain)
    return msgspec.json.decode(ended.answer, type=_Ran)


def _end_if_stuck(shared: mmap) -> None:
    """End this process when no thread of it can ever go on, and note that, and where they stand."""
    own, before = _thread.get_ident(), dict[int, FrameType]()
    while True:
        select.select([], [], [], 0.2)  # `time.sleep` is the test's
        frames = sys._current_frames()
        del frames[own]
        # `explore` sees by itself that nobody can go on.
        if shared[0] != EXPLORES and all(_waits_for_ever(f, frames) for f in frames.values()):
            if frames == before:  # in the same calls: none was notified during the first look
                lines = where(frames.values()).encode()[: len(shared) - 2]
                shared[2 : 2 + len(lines)] = lines
                shared[1] = 1
                os._exit(0)
            before = frames
        else:
            before = {}


_JOIN: Final = threading.Thread.join.__code__
_START: Final = threading.Thread.start.__code__


def _waits_for_ever(frame: FrameType, frames: Mapping[int, FrameType]) -> bool:
    """Tell whether a thread waits for another one of these, without a time limit."""
    calls = list(islice(_callers(frame), 3))
    if calls[0].f_code is threading.Condition.wait.__code__:
        called = frame.f_locals
        # notify() takes a waiter off that list.
        waits = called.get("waiter") in getattr(called["self"], "_waiters", ())
        # What start() waits for comes by itself: the new thread may not have a frame yet.
        return waits and called["timeout"] is None and calls[-1].f_code is not _START
    for call in calls[:2]:  # up to Python 3.12, join() calls a helper
        if call.f_code is _JOIN:
            called = call.f_locals
            return called["timeout"] is None and called["self"].ident in frames
    return False


def _callers(frame: FrameType | None) -> Iterator[FrameType]:
    """Return a frame and those that have called it, the innermost first."""
    while frame is not None:
        yield frame
        frame = frame.f_back


@contextmanager
def _sleeps(test: Callable[[Any], Any]) -> Iterator[list[float]]:
    """Yield a list that gets the seconds of each sleep that a test calls by a global name."""
    real, slept = time.sleep, list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        real(seconds)

    spaces = [vars(time), getattr(test, "__globals__", {})]
    names = [(space, name) for space in spaces for name in space if space[name] is real]
    for space, name in names:
        space[name] = sleep
    try:
        yield slept
    finally:
        for space, name in names:
            space[name] = real


def _what(exercise: Exercise, name: str) -> str:
    """Return what is broken about an implementation: the first line of its docstring."""
    doc = import_file(exercise.folder / f"wrong_{name}.py").__doc__
    return doc.strip().splitlines()[0] if doc else name.replace("_", " ")
