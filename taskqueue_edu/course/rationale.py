"""The table of the concept quiz: what each question finds out, and what each wrong option shows."""

from __future__ import annotations

from taskqueue_edu.lab.quiz import Question, questions

_HEAD = """# The concept quiz: why these questions

For instructors: this page gives the answers away. It is made from `taskqueue_edu/course/quiz.toml` by `python -m taskqueue_edu.course quiz`.

The evidence says how the test suite shows that the right option is right. *run*: the code is run. *schedules*: its threads are run in every order, with up to two preemptions. *crashes*: it is crashed at every point. *computed*: the number is worked out. *argued*: nothing is run, since the answer takes a certain machine.

| | question | what it finds out | right | what a wrong option shows | evidence |
|---|---|---|---|---|---|
"""  # noqa: E501 - a line of Markdown is a paragraph


def rationale() -> str:
    """Return the page: Markdown."""
    rows = [_row(number, question) for number, question in enumerate(questions(), 1)]
    return _HEAD + "".join(rows)


def _row(number: int, question: Question) -> str:
    wrong = [
        f"{letter}: {option.misconception.replace('_', ' ') or option.why}"
        for letter, option in question.by_letter.items()
        if letter != question.right
    ]
    return (
        f"| {number} | {question.name} | {question.aim} | {question.right} "
        f"| {'<br>'.join(wrong)} | {question.evidence} |\n"
    )
