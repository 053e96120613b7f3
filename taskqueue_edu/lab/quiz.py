"""quiz: 24 questions before the course, and the same ones after it.

Before the course, nothing is said about the answers: or the second time would test memory.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from taskqueue_edu.errors import TaskQueueError
from taskqueue_edu.lab import attempts as kept
from taskqueue_edu.lab.checks import Text, gently, show, strict
from taskqueue_edu.lab.gain import Gain
from taskqueue_edu.lab.predict import Prediction
from taskqueue_edu.lab.verdict import set_code

FILE: Final = Path(__file__).parents[1] / "course" / "quiz.toml"
UNKNOWN: Final = "-"
"""The letter of "I don't know"."""


class Question(Prediction, kw_only=True, forbid_unknown_fields=True):
    """A question of the quiz; what the fields mean stands in quiz.toml."""

    name: str
    aim: str
    code: str = ""
    read: str
    evidence: Literal["run", "schedules", "crashes", "computed", "argued"]

    @property
    def phase(self) -> int:
        """The phase of the course that answers it."""
        return int(self.name[1])

    @property
    def choices(self) -> dict[str, str]:
        """What can be chosen, by letter."""
        options = {letter: option.text for letter, option in self.by_letter.items()}
        return {**options, UNKNOWN: "I don't know"}


class _File(msgspec.Struct, forbid_unknown_fields=True):
    question: list[Question]


@cache
def questions() -> tuple[Question, ...]:
    """Return the questions, in their order."""
    return tuple(msgspec.toml.decode(FILE.read_bytes(), type=_File).question)


def quiz(when: str, answers: Any = ...) -> None:
    """Ask the questions, or take the answers: `quiz("before", "b c - a ...")`.

    `when` is "before" or "after" the course. `answers` has a letter for each question, `-` for
    "I don't know". In a notebook the options are buttons. What was chosen is kept on this
    machine; after the course it says what is right, and how much was gained.
    """
    with gently():
        if when not in ("before", "after"):
            raise TaskQueueError(
                f"there is no quiz {when!r}", hint='it is quiz("before") or quiz("after").'
            )
        if answers is ...:
            show(_Asked(when))
        else:
            chosen = _read(str(answers))
            _keep(when, chosen)
            show(_told(when, chosen))


def _read(answers: str) -> dict[str, str]:
    letters = [letter for letter in answers.lower() if not letter.isspace() and letter != ","]
    asked = questions()
    if len(letters) != len(asked):
        raise TaskQueueError(
            f"there are {len(asked)} questions, and {len(letters)} answers",
            hint=f"write {UNKNOWN} where you don't know.",
        )
    for number, (letter, question) in enumerate(zip(letters, asked, strict=True), 1):
        if letter not in question.choices:
            raise TaskQueueError(
                f"question {number} has no option {letter!r}",
                hint=f"choose from {' '.join(question.choices)}",
            )
    return {question.name: letter for question, letter in zip(asked, letters, strict=True)}


def _keep(when: str, chosen: Mapping[str, str]) -> None:
    """Keep what was chosen; not while grading, when it is not that of whoever sits there."""
    if not strict():
        progress = kept.load()
        progress.quiz[when] = dict(chosen)
        kept.save(progress)


def _told(when: str, chosen: Mapping[str, str]) -> Text | Gain:
    if when == "after":
        return Gain(questions(), kept.load().quiz.get("before", {}), chosen)
    unknown = sum(letter == UNKNOWN for letter in chosen.values())
    return Text(
        f'Noted: {len(chosen)} answers, {unknown} of them "I don\'t know". You will see what is '
        "right after the course."
    )


class _Asked:
    """The questions: text, with buttons where a notebook can show them."""

    def __init__(self, when: str) -> None:
        self._when = when

    def __repr__(self) -> str:
        asked = questions()
        lines = [f"{len(asked)} questions, {self._when} the course."]
        for number, question in enumerate(asked, 1):
            lines += ["", textwrap.fill(f"{number}. {question.question}", 96)]
            if question.code:
                lines.append(textwrap.indent(question.code.strip("\n"), "      "))
            lines += [
                textwrap.fill(f"  ({letter}) {text}", 100, subsequent_indent=" " * 6)
                for letter, text in question.choices.items()
            ]
        return "\n".join(
            [*lines, "", f'Choose, or write a letter for each: quiz("{self._when}", "a - b ...").']
        )

    def _ipython_display_(self) -> None:
        from taskqueue_edu.lab.buttons import Sheet, display

        asked = questions()
        saved = kept.load().quiz.get(self._when, {})
        chosen = {
            number: saved[question.name]
            for number, question in enumerate(asked)
            if saved.get(question.name) in question.choices
        }

        def by_name() -> dict[str, str]:
            return {asked[number].name: letter for number, letter in chosen.items()}

        def finish() -> str:
            told = _told(self._when, by_name())
            return told._repr_html_() if isinstance(told, Gain) else f"<p>{escape(repr(told))}</p>"

        sheet = [(_html(n, question), question.choices) for n, question in enumerate(asked, 1)]
        self._sheet = Sheet(sheet, chosen, lambda: _keep(self._when, by_name()), finish)
        display(self._sheet.box, repr(self))


def _html(number: int, question: Question) -> str:
    code = f"<pre>{escape(question.code.strip())}</pre>" if question.code else ""
    asked = set_code(escape(question.question))
    return f'<div style="line-height:1.45"><b>{number}. {asked}</b>{code}</div>'
