"""quiz: the questions hold what they promise, and an answer leads to the right verdict."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from taskqueue_edu.course.sources import SOURCES, find_sources
from taskqueue_edu.lab import quiz
from taskqueue_edu.lab.attempts import PLACE
from taskqueue_edu.lab.misconceptions import MISCONCEPTIONS
from taskqueue_edu.lab.quiz import UNKNOWN, Item, Report, items

RIGHT = "".join(item.right for item in items())
PRINTED = [item for item in items() if item.question.startswith("What does the last line print")]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that a learner's progress goes to."""
    path = tmp_path / "progress.json"
    monkeypatch.setenv(PLACE, str(path))
    return path


# -- the questions


def test_there_are_24_from_all_phases() -> None:
    """Each phase has some, the second most, and each question has a name of its own."""
    assert len({item.name for item in items()}) == 24
    phases = Counter(item.phase for item in items())
    assert sorted(phases) == ["p1", "p2", "p3", "p4"]
    assert phases.most_common(1)[0][0] == "p2"


@pytest.mark.parametrize("item", items(), ids=lambda item: item.name)
def test_a_wrong_option_says_what_is_behind_it(item: Item) -> None:
    """Each is a misconception of the list, or asks a question that leads on."""
    assert item.right in item.by_letter
    assert item.because
    for letter, option in item.by_letter.items():
        if letter == item.right:
            assert not option.misconception
            assert not option.why
        else:
            assert (option.misconception in MISCONCEPTIONS) != bool(option.why)


@pytest.mark.parametrize("item", items(), ids=lambda item: item.name)
def test_where_to_read_again_is_a_heading(item: Item) -> None:
    """The notebook of its phase has it."""
    (source,) = find_sources(SOURCES, [f"phase{item.phase[1]}"])
    headings = re.findall(r"^# #+ (.*)$", source.path.read_text(encoding="utf-8"), re.MULTILINE)
    assert any(item.read.lower() in heading.lower() for heading in headings), headings


def test_guessing_by_its_looks_does_not_help() -> None:
    """The right letters are spread, and the right option is not the longest one too often."""
    letters = Counter(RIGHT)
    assert letters.most_common(1)[0][1] <= 9
    assert min(letters[letter] for letter in "abc") >= 5
    longest = sum(
        max(item.by_letter, key=lambda letter: len(item.by_letter[letter].text)) == item.right
        for item in items()
    )
    assert longest <= 10


@pytest.mark.slow
@pytest.mark.parametrize("item", PRINTED, ids=lambda item: item.name)
def test_the_program_prints_what_is_right(
    item: Item, run_python: Callable[..., CompletedProcess[str]]
) -> None:
    """Where the question is what its last line prints, that is what it prints."""
    done = run_python(item.code)
    right = item.by_letter[item.right].text
    last = (done.stdout.splitlines() or [""])[-1]
    if not last:
        last = done.stderr.splitlines()[-1].partition(":")[0]
    assert last in right, (last, right)


# -- the answers


def test_before_the_course_nothing_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The answers are kept, and no word says which of them were right."""
    quiz("before", RIGHT[:-1] + UNKNOWN)
    assert json.loads(file.read_text())["quiz"] == {"before": RIGHT[:-1] + UNKNOWN}
    said = capsys.readouterr().out
    assert "23 answers of 24" in said
    assert "of 24 right" not in said


def test_after_it_you_see_what_you_gained(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was right then and now, the gain; for what was not, the belief and where to read."""
    quiz("before", UNKNOWN * 12 + RIGHT[12:])
    wrong = next(letter for letter, option in items()[0].by_letter.items() if option.misconception)
    quiz("after", wrong + RIGHT[1:])
    said = capsys.readouterr().out
    assert "23 of 24 right, 12 before the course; the gain is 92% of what could be gained." in said
    belief = MISCONCEPTIONS[items()[0].by_letter[wrong].misconception].belief
    assert belief in said
    assert f"Read again: 1 Core task system: {items()[0].read}" in said


def test_a_quiz_after_needs_none_before(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without one there is no gain, and all else."""
    quiz("after", RIGHT)
    said = capsys.readouterr().out
    assert "24 of 24 right." in said
    assert "gain" not in said


@pytest.mark.parametrize(
    ("before", "after", "gain"),
    [
        (UNKNOWN * 24, RIGHT, 1.0),
        (RIGHT, RIGHT, None),
        ("", RIGHT, None),
        (RIGHT[:12] + UNKNOWN * 12, UNKNOWN * 24, -1.0),
    ],
)
def test_the_gain_is_what_was_gained_of_what_could_be(
    before: str, after: str, gain: float | None
) -> None:
    """It is Hake's: 1 for all that was missing, and there is none where nothing was."""
    assert Report(before, after).gain == gain


def test_a_report_is_a_picture_with_words(file: Path) -> None:
    """The bars have a title and a description that says the same."""
    shown = Report(UNKNOWN * 24, RIGHT)._repr_html_()
    assert "<title>Right answers of each phase</title>" in shown
    assert "2 Worker pool: 10 of 10, 0 before" in shown


@pytest.mark.parametrize(
    ("when", "answers", "reason"),
    [
        ("later", RIGHT, "there is no quiz 'later'"),
        ("after", "abc", "there are 24 questions, and 3 answers"),
        ("after", "z" + RIGHT[1:], "question 1 has no option 'z'"),
    ],
)
def test_what_can_not_be_an_answer(
    when: Any, answers: str, reason: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason is told, and nothing is kept."""
    quiz(when, answers)
    assert reason in capsys.readouterr().out
    assert not file.exists()


def test_the_questions_as_text(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All are printed, with their code and their options; nothing is kept."""
    quiz("before", "?")
    said = capsys.readouterr().out
    assert all(item.question in said for item in items())
    assert "24. " in said
    assert not file.exists()
