"""The tables of the instructor's page: which misconception is met where, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from taskqueue_edu.errors import TaskQueueError
from taskqueue_edu.lab.exercises import exercises
from taskqueue_edu.lab.misconceptions import MISCONCEPTIONS
from taskqueue_edu.lab.predict import predictions

_BEGIN: Final = "<!-- The tables are made by: python -m taskqueue_edu.course tables -->"
_END: Final = "<!-- The tables end here. -->"


def met_by(misconception: str) -> list[tuple[str, str, int]]:
    """Return where learners who believe it are told so.

    Each place is the name of an exercise or question, what its check tries, and the number of
    wrong answers that it keeps (0 for a question).
    """
    places = []
    for exercise in exercises():
        tried = [p.tried for p in exercise.check.probes if p.misconception == misconception]
        if tried:
            kept = sum(name.split("__")[0] == misconception for name in exercise.others("wrong"))
            places.append((exercise.name, ". ".join(dict.fromkeys(tried)), kept))
    questions = predictions()
    for name, asked in questions.predict.items():
        if any(option.misconception == misconception for option in asked.options):
            places.append((name, "a prediction", 0))
    for name, followed in questions.trace.items():
        if any(misconception in step.wrong.values() for step in followed.steps):
            places.append((name, "a run to follow", 0))
    return sorted(places)


def tables() -> str:
    """Return both tables, in Markdown."""
    return "\n".join([*_exercises(), "", *_misconceptions()])


def put_in(text: str) -> str:
    """Return the text of a page with the tables put in the place that its marks show.

    Raises TaskQueueError if the marks are not there.
    """
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise TaskQueueError(
            "this page has no place for the tables",
            hint=f"write two lines where they shall stand: {_BEGIN} and {_END}",
        )
    return f"{before}{_BEGIN}\n\n{tables()}\n\n{_END}{after}"


def _exercises() -> Iterator[str]:
    yield "| phase | exercise | right answers kept | wrong answers kept | of them without a name |"
    yield "|---|---|---|---|---|"
    for exercise in exercises():
        wrong, cases = len(exercise.others("wrong")), len(exercise.others("case"))
        phase, right = exercise.name[1], 1 + len(exercise.others("alt"))
        yield _row([phase, f"`{exercise.name}`", right, wrong + cases, cases])


def _misconceptions() -> Iterator[str]:
    yield "| | the belief | met by | the check tries | wrong answers kept |"
    yield "|---|---|---|---|---|"
    for name, entry in MISCONCEPTIONS.items():
        belief = f"{entry.belief} (`{name}`)"
        for place, tried, kept in met_by(name):
            yield _row([entry.number, belief, f"`{place}`", tried, kept or ""])
            belief = ""


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", r"\|") for cell in cells) + " |"
