"""predict, outcome, trace: commit yourself first, then look."""

from __future__ import annotations

import difflib
import re
import string
from functools import cache, partial
from operator import setitem
from pathlib import Path
from typing import Any, Final

import msgspec

from taskqueue_edu.errors import TaskQueueError
from taskqueue_edu.lab.checks import conclude, gently, note, show
from taskqueue_edu.lab.verdict import State, Verdict

FOLDER: Final = Path(__file__).parents[1] / "course" / "predictions"


class Option(msgspec.Struct, forbid_unknown_fields=True):
    """An answer to choose. A wrong one has the misconception behind it, or says why it is wrong."""

    text: str
    misconception: str = ""
    why: str = ""


class Prediction(msgspec.Struct, forbid_unknown_fields=True):
    """A question with options, of which the one called `right` (a letter) comes out."""

    question: str
    right: str
    options: list[Option]
    because: str = ""

    @property
    def by_letter(self) -> dict[str, Option]:
        """The options under the letters that they are chosen by."""
        return dict(zip(string.ascii_lowercase, self.options, strict=False))


class Step(msgspec.Struct, forbid_unknown_fields=True):
    """A step of a program, and what a variable is after it. `wrong`: value -> misconception.

    `why` is asked if the value is another one.
    """

    step: str
    value: str
    wrong: dict[str, str] = {}
    why: str = ""


class Trace(msgspec.Struct, forbid_unknown_fields=True):
    """A run to follow step by step, on paper."""

    question: str
    steps: list[Step]


class Predictions(msgspec.Struct, forbid_unknown_fields=True):
    """What a file of questions holds, by name."""

    predict: dict[str, Prediction] = {}
    trace: dict[str, Trace] = {}


@cache
def predictions() -> Predictions:
    """Return all questions of the course, which lie in a file a phase."""
    found = Predictions()
    for file in sorted(FOLDER.glob("*.toml")):
        read = msgspec.toml.decode(file.read_bytes(), type=Predictions)
        found.predict |= read.predict
        found.trace |= read.trace
    return found


def _look_up(table: dict[str, Any], name: str) -> Any:
    if name not in table:
        like = difflib.get_close_matches(name, table, 1)
        raise TaskQueueError(
            f"there is no question {name!r}", hint=f"do you mean {like[0]!r}?" if like else None
        )
    return table[name]


_chosen: Final[dict[str, str]] = {}


def predict(name: str, answer: Any = ...) -> None:
    """Ask what will happen; `answer` is the letter of an option, in place of `...`.

    In a notebook the options are buttons too. `outcome(name)` says what came of it.
    """
    with gently():
        asked: Prediction = _look_up(predictions().predict, name)
        if answer is not ...:
            letter = str(answer).strip().lower()
            if letter not in asked.by_letter:
                raise TaskQueueError(
                    f"there is no option {answer!r}",
                    hint=f"choose from {', '.join(asked.by_letter)}.",
                )
            _chosen[name] = letter
        show(_Question(name, asked))


def outcome(name: str) -> None:
    """Say what happened, beside what was predicted."""
    with gently():
        asked: Prediction = _look_up(predictions().predict, name)
        right = f"({asked.right}) {asked.by_letter[asked.right].text}".removesuffix(".")
        because = f" {asked.because}" if asked.because else ""
        letter = _chosen.get(name)
        if letter is None:
            told = f"Predict before you look. It is {right}.{because}"
            show(Verdict(name, State.TODO, happened=told))
        elif letter == asked.right:
            note(verdict := Verdict(name, State.PASS, passed=(f"you predicted {right}",)))
            show(verdict)
        else:
            option = asked.by_letter[letter]
            verdict = Verdict(
                name,
                State.MISCONCEPTION if option.misconception else State.COUNTEREXAMPLE,
                option.misconception,
                tried=f"You predicted ({letter}) {option.text}",
                happened=f"{right}.{because}",
                question=option.why,
            )
            note(verdict)
            show(verdict)


class _Question:
    """A question: text, with buttons where a notebook can show them."""

    def __init__(self, name: str, asked: Prediction) -> None:
        self._name, self._asked = name, asked

    def __repr__(self) -> str:
        chosen = _chosen.get(self._name)
        lines = [f"{self._name}: {self._asked.question}"]
        for letter, option in self._asked.by_letter.items():
            mark = "  <- your prediction" if letter == chosen else ""
            lines.append(f"  ({letter}) {option.text}{mark}")
        if chosen is None:
            lines.append(f'Choose one, or write its letter: predict("{self._name}", "a").')
        return "\n".join(lines)

    def _ipython_display_(self) -> None:
        from taskqueue_edu.lab.buttons import display, question

        options = {letter: option.text for letter, option in self._asked.by_letter.items()}
        self._box = question(self._asked.question, options, partial(setitem, _chosen, self._name))
        display(self._box, repr(self))


def trace(name: str, values: Any = ..., *more: Any) -> None:
    """Follow a run step by step: `values` is a list of what the variable is after each step.

    Without it, the steps are shown. The first value that is wrong is told, and why.
    """
    with gently():
        asked: Trace = _look_up(predictions().trace, name)
        if more or not (values is ... or isinstance(values, (list, tuple))):
            shown = ", ".join(repr(one) for one in (values, *more))
            raise TaskQueueError(
                f"{name} needs one list, with a value for each of its {len(asked.steps)} steps",
                hint=f'trace("{name}", [{shown.replace("Ellipsis", "...")}])',
            )
        verdict = _follow(name, asked, values)
        conclude(verdict)


def _follow(name: str, asked: Trace, values: Any) -> Verdict:
    steps = "\n".join(f"{number}. {one.step}" for number, one in enumerate(asked.steps, 1))
    if values is ... or ... in list(values):
        return Verdict(name, State.TODO, tried=asked.question, happened=steps)
    # Where the spaces are is not asked.
    given = [re.sub(r"\s*:\s*", ": ", str(value)).strip() for value in values]
    if len(given) != len(asked.steps):
        raise TaskQueueError(f"{name} has {len(asked.steps)} steps, and got {len(given)} values")
    for number, (one, value) in enumerate(zip(asked.steps, given, strict=True), 1):
        if value.casefold() != one.value.casefold():  # how it is spelled is not asked
            label = one.wrong.get(value, "")
            return Verdict(
                name,
                State.MISCONCEPTION if label else State.COUNTEREXAMPLE,
                label,
                tried=f"Step {number}: {one.step}",
                happened=f'You have "{value}".'
                if one.why
                else f'You have "{value}"; it is "{one.value}".',
                question=one.why,
            )
    return Verdict(name, State.PASS, passed=(f"all {len(given)} steps",))
