"""parsons: a program from its lines, which come out of order, with some that don't belong."""

from __future__ import annotations

import hashlib
import string
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, Final, NamedTuple

from taskqueue_edu.errors import TaskQueueError
from taskqueue_edu.lab.checks import conclude, gently, note, show
from taskqueue_edu.lab.exercises import Exercise, find, import_file
from taskqueue_edu.lab.verdict import State, Verdict

_BEGIN: Final = "# lines\n"


class Puzzle(NamedTuple):
    """The lines that stand, and those to choose from, by letter."""

    frame: str
    lines: dict[str, str]

    def program(self, order: str | Sequence[str]) -> str:
        """Return the program that an order of letters makes. Raises TaskQueueError."""
        text = (order if isinstance(order, str) else " ".join(map(str, order))).upper()
        words = text.replace(",", " ").split()
        letters = list(words[0]) if len(words) == 1 else words
        if not letters:
            raise TaskQueueError("no line was chosen", hint="write letters, such as 'C A B'.")
        if unknown := [letter for letter in letters if letter not in self.lines]:
            raise TaskQueueError(
                f"there is no line {unknown[0]!r}", hint=f"the lines are {' '.join(self.lines)}."
            )
        chosen = [self.lines[letter] for letter in letters]
        there = [*self.lines.values()]
        # Some lines are alike: it is all one which of them is taken, and how often.
        twice = [self.letter(line) for line in chosen if chosen.count(line) > there.count(line)]
        if twice:
            raise TaskQueueError(
                f"the line {twice[0]} is used twice", hint="each line is there to be used once."
            )
        return self.frame + "".join(line + "\n" for line in chosen)

    def letter(self, line: str) -> str:
        """Return the letter of a line, the first if there are several."""
        return next(letter for letter, other in self.lines.items() if other == line)

    def __str__(self) -> str:
        shown = [f"  {letter}  {line}" for letter, line in self.lines.items()]
        return "\n".join([self.frame.rstrip(), *shown])


def puzzle(exercise: Exercise) -> Puzzle:
    """Return the puzzle of an exercise: the lines of solution.py, and of extra.txt, shuffled.

    Lines of solution.py above `# lines` stand already. The order is the same every time.
    """
    frame, _, lines = exercise.source("solution").rpartition(_BEGIN)
    found = [line for line in [*lines.splitlines(), *_extra(exercise)] if line.strip()]
    found.sort(key=lambda line: hashlib.sha256(line.encode()).digest())
    return Puzzle(frame, dict(zip(string.ascii_uppercase, found, strict=False)))


def _extra(exercise: Exercise) -> list[str]:
    """Return the lines that need not belong."""
    return (exercise.folder / "extra.txt").read_text(encoding="utf-8").splitlines()


def parsons(exercise: str, order: Any = ...) -> None:
    """Show the lines of a puzzle, or check an order of them: `parsons("p2.loop", "C A F B")`.

    Not every line belongs; their indentation is right.
    """
    with gently():
        found = find(exercise)
        wanted = puzzle(found)
        if order is ...:
            show(_Lines(found, wanted))
            return
        conclude(_judge(found, wanted.program(order)))


def _judge(exercise: Exercise, program: str) -> Verdict:
    """Try a program; if it does what it should, try it without each line that needs not belong."""
    verdict = _try(exercise, program)
    if not verdict.ok:
        return verdict
    lines = program.splitlines()
    for number, line in enumerate(lines):
        shorter = "\n".join(lines[:number] + lines[number + 1 :])
        if line in _extra(exercise) and _try(exercise, shorter).ok:
            letter = puzzle(exercise).letter(line)
            return Verdict(
                exercise.name,
                State.COUNTEREXAMPLE,
                tried="Your program without one of its lines",
                happened=f"It does the same without line {letter}: {line.strip()}",
                question="When does that line run, and what would then be different without it?",
            )
    return verdict


def _try(exercise: Exercise, program: str) -> Verdict:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "your_lines.py"
        path.write_text(program, encoding="utf-8")
        try:
            module = import_file(path)
        except SyntaxError as error:
            return Verdict(
                exercise.name,
                State.COUNTEREXAMPLE,
                tried="Your lines as a program",
                happened=f"It is none: {error.msg}\n{(error.text or '').rstrip()}",
            )
        return exercise.judge([getattr(module, name) for name in exercise.check.names])


class _Lines:
    """The lines of a puzzle: text, with buttons where a notebook can show them."""

    def __init__(self, exercise: Exercise, wanted: Puzzle) -> None:
        self._exercise, self._puzzle = exercise, wanted

    def __repr__(self) -> str:
        return (
            f"{self._exercise.name}: put these lines in order; some don't belong.\n{self._puzzle}"
        )

    def _ipython_display_(self) -> None:
        from taskqueue_edu.lab.buttons import Lines, display

        self._lines = Lines(self._puzzle.frame, self._puzzle.lines, self._check)
        display(self._lines.box, repr(self))

    def _check(self, order: str) -> str:
        try:
            program = self._puzzle.program(order)
        except TaskQueueError as error:
            return f"<p>{escape(str(error))}</p>"
        verdict = _judge(self._exercise, program)
        note(verdict)
        return verdict._repr_html_()
