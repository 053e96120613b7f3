"""mutants: the learner writes a test, and broken implementations try to get past it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from taskqueue_edu.lab.checks import conclude, gently
from taskqueue_edu.lab.exercises import Exercise, find, import_file
from taskqueue_edu.lab.isolate import isolated
from taskqueue_edu.lab.probes import describe, undone
from taskqueue_edu.lab.verdict import State, Verdict

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


def _judge(exercise: Exercise, test: Callable[[Any], Any]) -> Verdict:
    if missing := undone(test):
        return Verdict(exercise.name, State.TODO, happened=missing)
    rights = ["solution", *(f"alt_{name}" for name in exercise.others("alt"))]
    for name in rights:
        if complaint := _complaint(exercise, name, test):
            return Verdict(
                exercise.name,
                State.COUNTEREXAMPLE,
                tried=f"Your test on an implementation that is right ({name})",
                happened=f"It was turned down: {complaint}",
                question="Does your test ask for something that was not promised?",
            )
    survivors = [
        name for name in exercise.others("wrong") if not _complaint(exercise, f"wrong_{name}", test)
    ]
    count = len(exercise.others("wrong"))
    if survivors:
        listed = "\n".join(f"- {_what(exercise, name)}" for name in survivors)
        return Verdict(
            exercise.name,
            State.COUNTEREXAMPLE,
            tried=f"Your test on {count} broken implementations",
            happened=f"{len(survivors)} got past it:\n{listed}",
            question="What would one of them do that a right one never does?",
        )
    told = f"{len(rights)} right implementations pass", f"all {count} broken ones are turned down"
    return Verdict(exercise.name, State.PASS, passed=told)


def _complaint(exercise: Exercise, name: str, test: Callable[[Any], Any]) -> str:
    """Say why the test turns an implementation down; "" if it lets it pass."""

    def run() -> bytes:
        try:
            test(*exercise.answers(name))
        except Exception as error:
            return describe(error).encode(errors="replace")
        return b""

    ended = isolated(run, SECONDS)
    return ended.why if ended.answer is None else ended.answer.decode()


def _what(exercise: Exercise, name: str) -> str:
    """Return what is broken about an implementation: the first line of its docstring."""
    doc = import_file(exercise.folder / f"wrong_{name}.py").__doc__
    return doc.strip().splitlines()[0] if doc else name.replace("_", " ")
