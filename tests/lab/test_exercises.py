"""Every exercise is what its folder says: right answers pass, wrong ones are told why."""

from __future__ import annotations

import ast
import re

import pytest

from taskqueue_edu.course.scaffold import left_to_write
from taskqueue_edu.lab.exercises import Exercise, exercises
from taskqueue_edu.lab.misconceptions import MISCONCEPTIONS
from taskqueue_edu.lab.verdict import State

pytestmark = pytest.mark.slow

ALL = list(exercises())


def cases(kind: str) -> list[object]:
    """Return each exercise with each of its answers of a kind."""
    return [
        pytest.param(one, f"{kind}_{name}", id=f"{one.name}-{kind}_{name}")
        for one in ALL
        for name in one.others(kind)
    ]


@pytest.mark.parametrize("exercise", ALL, ids=lambda one: one.name)
def test_a_starter_is_not_done_yet(exercise: Exercise) -> None:
    """What is handed out is neither right nor wrong."""
    assert exercise.judge(exercise.answers("starter")).state is State.TODO


@pytest.mark.parametrize("exercise", ALL, ids=lambda one: one.name)
def test_the_solution_passes(exercise: Exercise) -> None:
    """The solution is right, and the verdict says what was tried."""
    verdict = exercise.judge(exercise.answers("solution"))
    assert verdict.state is State.PASS, str(verdict)
    assert len(verdict.passed) == len(exercise.check.probes)


@pytest.mark.thorough
@pytest.mark.parametrize(("exercise", "answer"), cases("alt"))
def test_other_right_answers_pass(exercise: Exercise, answer: str) -> None:
    """An answer in another style is right as well."""
    verdict = exercise.judge(exercise.answers(answer))
    assert verdict.state is State.PASS, str(verdict)


@pytest.mark.parametrize("exercise", ALL, ids=lambda one: one.name)
def test_what_is_shown_of_an_answer_is_whole(exercise: Exercise) -> None:
    """The line that imports what is given is left out, however long it is, and nothing else."""
    for text in exercise.others("alt").values():
        ast.parse(re.sub("^%%.*", "", text))
        assert ".given" not in text


@pytest.mark.parametrize(("exercise", "answer"), cases("wrong"))
def test_a_misconception_is_named(exercise: Exercise, answer: str) -> None:
    """A wrong answer shows the misconception that it is named for, and what shows it."""
    verdict = exercise.judge(exercise.answers(answer))
    expected = answer.removeprefix("wrong_").partition("__")[0]
    assert verdict.state is State.MISCONCEPTION, str(verdict)
    assert verdict.misconception == expected, str(verdict)
    assert verdict.happened
    assert verdict.question


@pytest.mark.thorough
@pytest.mark.parametrize(("exercise", "answer"), cases("case"))
def test_a_case_is_shown(exercise: Exercise, answer: str) -> None:
    """A wrong answer that is no known misconception gets no name, but the case that fails."""
    verdict = exercise.judge(exercise.answers(answer))
    assert verdict.state is State.COUNTEREXAMPLE, str(verdict)
    assert verdict.happened


@pytest.mark.parametrize("exercise", ALL, ids=lambda one: one.name)
def test_a_folder_is_complete(exercise: Exercise) -> None:
    """Each has three hints or more, an explanation, two right answers, and wrong ones."""
    left = left_to_write(exercise.folder)
    assert not left, f"{exercise.folder.name} is not written yet:\n" + "\n".join(left)
    assert len(exercise.hints) >= 3
    assert all(len(hint) > 20 for hint in exercise.hints)
    assert all(word in exercise.about for word in ("**Trains**", "**Leaves out**", "*Why"))
    assert exercise.others("alt")
    wrong = [name.partition("__")[0] for name in exercise.others("wrong")]
    assert set(wrong) <= set(MISCONCEPTIONS)
    assert wrong or exercise.others("case")
    labels = {probe.misconception for probe in exercise.check.probes} - {""}
    assert labels == set(wrong), "each misconception that a probe names has a wrong answer"
