"""The instructor's page: its tables are those of today, and leave no misconception out."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from taskqueue_edu.course.__main__ import app
from taskqueue_edu.course.sources import SOURCES, find_sources
from taskqueue_edu.course.tables import met_by, put_in
from taskqueue_edu.lab.exercises import PRIVATE, exercises
from taskqueue_edu.lab.misconceptions import MISCONCEPTIONS
from taskqueue_edu.lab.predict import predictions

PAGE = Path(__file__).parents[2] / "notebooks" / "INSTRUCTORS.md"


@pytest.fixture(autouse=True)
def only_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the exercises of whoever runs these tests."""
    monkeypatch.delenv(PRIVATE, raising=False)


def test_the_tables_are_up_to_date() -> None:
    """If they aren't, `python -m taskqueue_edu.course tables` makes them anew."""
    text = PAGE.read_text(encoding="utf-8")
    assert put_in(text) == text


def test_every_misconception_is_met() -> None:
    """Whoever believes one of the forty is told so by an exercise or a question."""
    assert [name for name in MISCONCEPTIONS if not met_by(name)] == []


def test_every_exercise_and_question_is_in_a_notebook() -> None:
    """None lies in a folder where no learner comes."""
    course = "\n".join(s.path.read_text(encoding="utf-8") for s in find_sources(SOURCES))
    questions = predictions()
    names = [*(e.name for e in exercises()), *questions.predict, *questions.trace]
    # A loop over names that differ in the last letter is written f"p3.patient_{letter}".
    assert [n for n in names if f'"{n}"' not in course and f'"{n[:-1]}{{' not in course] == []


def test_a_page_without_a_place_is_left_as_it_is(tmp_path: Path) -> None:
    """The command says which lines to write, and changes nothing."""
    page = tmp_path / "page.md"
    page.write_text("# A page\n", encoding="utf-8")
    said = CliRunner().invoke(app, ["tables", str(page)])
    assert said.exit_code == 1
    assert "no place for the tables" in said.output
    assert page.read_text(encoding="utf-8") == "# A page\n"
