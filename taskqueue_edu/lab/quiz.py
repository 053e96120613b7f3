"""quiz: 24 questions before the course and again after it, and what was gained in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from taskqueue_edu.errors import TaskQueueError
from taskqueue_edu.lab import attempts as kept
from taskqueue_edu.lab.checks import PHASES, gently, show
from taskqueue_edu.lab.misconceptions import MISCONCEPTIONS
from taskqueue_edu.lab.predict import Prediction

FILE: Final = Path(__file__).parents[1] / "course" / "quiz.toml"
UNKNOWN: Final = "-"
"""The answer "I don't know"."""

_TIMES: Final = ("before", "after")


class Item(Prediction, forbid_unknown_fields=True, kw_only=True):
    """A question of the quiz."""

    name: str
    aim: str
    """What it finds out."""
    read: str
    """The heading in the notebook of its phase under which to read again."""
    code: str = ""

    @property
    def phase(self) -> str:
        """The phase that it belongs to, as in "p2"."""
        return self.name.partition(".")[0]

    def lines(self) -> Iterator[str]:
        """Yield the question and its options as text."""
        yield self.question
        yield from (f"    {line}" for line in self.code.strip("\n").splitlines())
        yield from (f"  ({letter}) {option.text}" for letter, option in self.by_letter.items())


class _File(msgspec.Struct, forbid_unknown_fields=True):
    question: list[Item]


@cache
def items() -> tuple[Item, ...]:
    """Return the questions in their order."""
    return tuple(msgspec.toml.decode(FILE.read_bytes(), type=_File).question)


def quiz(when: Literal["before", "after"], answers: Any = ...) -> None:
    """Ask the questions, before the course or after it.

    In a notebook each has buttons. As text: `quiz("before", "?")` prints the questions, and
    `quiz("before", "abc-...")` answers them: a letter each, `-` for "I don't know". Before the
    course you are not told what was right, or the quiz after it would ask what you remember. After
    it you see that, where to read again, and your gain.
    """
    with gently():
        if when not in _TIMES:
            raise TaskQueueError(f"there is no quiz {when!r}", hint="'before' or 'after'")
        if answers is ...:
            show(_Paper(when))
        elif answers == "?":
            show(_Text("\n".join(_questions())))
        else:
            show(_hand_in(when, _letters(str(answers))))


def _letters(answers: str) -> str:
    """Return an answer a question. Raises TaskQueueError if they can't be that."""
    given = "".join(answers.lower().split())
    if len(given) != len(items()):
        raise TaskQueueError(f"there are {len(items())} questions, and {len(given)} answers")
    for number, (item, letter) in enumerate(zip(items(), given, strict=True), 1):
        if letter != UNKNOWN and letter not in item.by_letter:
            raise TaskQueueError(
                f"question {number} has no option {letter!r}",
                hint=f"choose from {', '.join(item.by_letter)}, or {UNKNOWN} if you don't know.",
            )
    return given


def _hand_in(when: str, given: str) -> _Text | Report:
    progress = kept.load()
    progress.quiz[when] = given
    kept.save(progress)
    if when == "before":
        known = len(given) - given.count(UNKNOWN)
        return _Text(f"Kept: {known} answers of {len(given)}. What was right, you see afterwards.")
    return Report(progress.quiz.get("before", ""), given)


def _questions() -> Iterator[str]:
    for number, item in enumerate(items(), 1):
        first, *others = item.lines()
        yield f"{number}. {first}"
        yield from others
        yield ""


def _right(given: str) -> Counter[str]:
    """Count the right answers of each phase."""
    pairs = zip(items(), given, strict=True)
    return Counter(item.phase for item, letter in pairs if letter == item.right)


class _Text:
    """Text, as it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


class _Paper:
    """The questions, to be answered by buttons."""

    def __init__(self, when: str) -> None:
        self._when = when

    def __repr__(self) -> str:
        return (
            f'quiz("{self._when}"): {len(items())} questions. Run this cell to answer them, '
            f'or see them as text: quiz("{self._when}", "?").'
        )

    def _ipython_display_(self) -> None:
        from taskqueue_edu.lab.buttons import Paper, display

        asked = [
            (f"{number}. {item.question}", item.code.strip("\n"), _options(item))
            for number, item in enumerate(items(), 1)
        ]
        self._paper = Paper(asked, self._done)
        display(self._paper.box, repr(self))

    def _done(self, given: list[str]) -> str:
        handed_in = _hand_in(self._when, "".join(given))
        return handed_in.html() if isinstance(handed_in, Report) else escape(repr(handed_in))


def _options(item: Item) -> dict[str, str]:
    options = {letter: f"({letter}) {option.text}" for letter, option in item.by_letter.items()}
    return {**options, UNKNOWN: "I don't know"}


class Report:
    """What was right after the course and before it, and where to read again."""

    def __init__(self, before: str, after: str) -> None:
        self._after = after
        self._right = _right(after)
        # A quiz of another length was another quiz.
        self._before = _right(before) if len(before) == len(after) else None

    @property
    def gain(self) -> float | None:
        """The share gained of what could be gained: (after - before) / (24 - before).

        That is the normalized gain of R. R. Hake, "Interactive-engagement versus traditional
        methods", American Journal of Physics 66 (1998). None without a quiz before, or if all was
        right then.
        """
        before, most = self._before, len(items())
        if before is None or before.total() == most:
            return None
        return (self._right.total() - before.total()) / (most - before.total())

    def _rows(self) -> list[tuple[str, int, int | None, int]]:
        """Return of each phase its name, what was right after and before, and of how many."""
        most = Counter(item.phase for item in items())
        before = self._before
        return [
            (PHASES[phase], self._right[phase], None if before is None else before[phase], count)
            for phase, count in most.items()
        ]

    def _head(self) -> str:
        said = f"{self._right.total()} of {len(items())} right"
        if self._before is not None:
            said += f", {self._before.total()} before the course"
        if self.gain is not None:
            said += f"; the gain is {self.gain:.0%} of what could be gained"
        return said + "."

    def _again(self) -> Iterator[tuple[int, Item, str, str]]:
        """Yield what was not right: number, question, what is so, and where to read again."""
        for number, (item, letter) in enumerate(zip(items(), self._after, strict=True), 1):
            if letter == item.right:
                continue
            right = item.by_letter[item.right].text.rstrip(".")
            said = f"It is ({item.right}) {right}. {item.because}"
            option = item.by_letter.get(letter)
            if option is not None and option.misconception:
                known = MISCONCEPTIONS[option.misconception]
                said = f'You may think: "{known.belief}" But: {known.fact} {said}'
            elif option is not None and option.why:
                said = f"{option.why} {said}"
            yield number, item, said, f"{PHASES[item.phase]}: {item.read}"

    def __repr__(self) -> str:
        lines = [self._head()]
        for phase, right, before, most in self._rows():
            was = "" if before is None else f", {before} before"
            lines.append(f"  {phase:<30} {right} of {most}{was}")
        for number, item, said, read in self._again():
            lines += ["", f"{number}. {item.question}", f"  {said}", f"  Read again: {read}"]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return self.html()

    def html(self) -> str:
        """Return it as HTML, with a bar a phase."""
        again = "".join(
            f"<li value={number}>{escape(item.question)}{_pre(item.code)}<p>{escape(said)}<br>"
            f"<i>Read again: {escape(read)}</i></p></li>"
            for number, item, said, read in self._again()
        )
        listed = f"<p><b>To read again</b></p><ol>{again}</ol>" if again else ""
        return (
            f'<section role="status"><p><b>{self._head()}</b></p>{self._bars()}{listed}</section>'
        )

    def _bars(self) -> str:
        rows, told = "", []
        for place, (phase, right, before, most) in enumerate(self._rows()):
            y, wide = 34 * place, 300 / most
            was = "" if before is None else f", {before} before"
            told.append(f"{phase}: {right} of {most}{was}")
            rows += (
                f'<text x="0" y="{y + 16}">{phase}</text>'
                f'<rect x="240" y="{y + 4}" width="300" height="16" fill="none" '
                'stroke="currentColor" opacity=".35"/>'
                f'<rect x="240" y="{y + 4}" width="{right * wide:.0f}" height="16" '
                'fill="#1565c0"/>'
                f'<text x="550" y="{y + 16}">{right} of {most}{was}</text>'
            )
            if before is not None:
                x = 240 + before * wide
                rows += f'<path d="M{x:.0f} {y}V{y + 24}" stroke="#b45309" stroke-width="3"/>'
        return (
            f'<svg role="img" viewBox="0 0 720 {34 * len(told)}" style="max-width:720px" '
            'font-size="13" font-family="sans-serif" fill="currentColor">'
            "<title>Right answers of each phase</title>"
            f"<desc>{escape('; '.join(told))}</desc>{rows}</svg>"
            "<p>Bars: after the course. Upright lines: before it.</p>"
        )


def _pre(code: str) -> str:
    return f"<pre>{escape(code.strip())}</pre>" if code else ""
