"""check, hint, reveal, progress: what a notebook calls."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from traceback import walk_tb
from typing import Any, Final

from taskqueue_edu.errors import TaskQueueError
from taskqueue_edu.lab import attempts as kept
from taskqueue_edu.lab.exercises import Exercise, exercises, find
from taskqueue_edu.lab.isolate import is_learners
from taskqueue_edu.lab.verdict import State, Verdict

TRIES: Final = 3
"""Answers that were not right before the solution is shown without being forced."""

PHASES: Final = {
    "p0": "0 Start here",
    "p1": "1 Core task system",
    "p2": "2 Worker pool",
    "p3": "3 Monitoring and storage",
    "p4": "4 Integration and command line",
}


_MARGIN: Final = re.compile(r"^[^\s#)]", re.MULTILINE)


class CheckFailed(TaskQueueError, AssertionError):
    """An answer is not right, and this is grading: see `strict`."""


def strict() -> bool:
    """Tell whether a check raises CheckFailed: while grading, or if TASKQUEUE_EDU_STRICT=1."""
    return bool(os.environ.get("NBGRADER_EXECUTION")) or (
        os.environ.get("TASKQUEUE_EDU_STRICT", "") not in ("", "0")
    )


def check(exercise: str, *answers: Any) -> None:
    """Check what was made for an exercise, and show the verdict.

        check("p2.bounded_queue", BoundedQueue)

    It raises nothing in a notebook, whatever the answer does. While grading, it raises
    CheckFailed for an answer that is not right.
    """
    with gently():
        found = find(exercise)
        _refuse_older(found.check.names)
        conclude(found.judge(answers))


def _refuse_older(names: Sequence[str]) -> None:
    """Raise TaskQueueError if the cell just before was to define one of these, and failed first.

    The name would stand for what an earlier run of that cell has defined, unless the cell that
    checks it defines it, too.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    last = getattr(shell, "last_execution_result", None)  # of the cell before this one
    if shell is None or last is None or last.success:
        return
    error, cell = last.error_before_exec or last.error_in_exec, last.info.raw_cell
    now = shell.user_ns["In"][-1]
    frames = ((frame.f_code.co_filename, number) for frame, number in walk_tb(error.__traceback__))
    line = next((number for file, number in frames if is_learners(file)), 0)
    for name in names:
        definition = re.compile(rf"^(class|def) {re.escape(name)}\b", re.MULTILINE)
        begin = definition.search(cell)
        if begin is None or definition.search(now):
            continue
        # Whatever begins at the margin after it comes when it is defined.
        behind = _MARGIN.search(cell, begin.end())
        end = cell.count("\n", 0, behind.start()) if behind else line
        if line <= end:
            raise TaskQueueError(
                f"the cell that defines {name} failed ({type(error).__name__}): any {name} that "
                "you have is an older one",
                hint="mend that cell and run it, then check.",
            )


def conclude(verdict: Verdict) -> None:
    """Keep and show what came of an answer. Raises CheckFailed while grading, if it isn't right."""
    note(verdict)
    show(verdict)
    if strict() and not verdict.ok:
        raise CheckFailed(f"{verdict.exercise}: {verdict.state}")


def note(verdict: Verdict) -> None:
    """Keep what came of an answer; one that is not there yet is none.

    Nothing is kept while grading: the answer is not that of whoever sits there.
    """
    if verdict.state is State.TODO or strict():
        return
    progress = kept.load()
    attempts = progress.of(verdict.exercise)
    if verdict.ok:
        attempts.passed = True
    else:
        attempts.tries += 1
    if verdict.misconception and verdict.misconception not in attempts.misconceptions:
        attempts.misconceptions.append(verdict.misconception)
    kept.save(progress)


def hint(exercise: str) -> None:
    """Show the next hint for an exercise; after the last one, all of them."""
    with gently():
        _refuse_question(exercise)
        hints = find(exercise).hints
        progress = kept.load()
        attempts = progress.of(exercise)
        attempts.hints += 1
        kept.save(progress)
        shown = hints if attempts.hints > len(hints) else hints[attempts.hints - 1 : attempts.hints]
        first = 1 if len(shown) > 1 else attempts.hints
        if len(shown) > 1:
            show(Text("You have seen all the hints. Here they are once more."))
        for number, text in enumerate(shown, first):
            show(Text(f"**Hint {number} of {len(hints)}.** {text}"))


def _refuse_question(name: str) -> None:
    """Raise TaskQueueError if that is the name of a prediction or a trace."""
    from taskqueue_edu.lab.predict import predictions

    questions = predictions()
    if name in questions.predict or name in questions.trace:
        raise TaskQueueError(
            f"{name} is a question, and has no hints",
            hint="a wrong answer costs nothing: give one, and read what is said to it.",
        )


def reveal(exercise: str, *, force: bool = False) -> None:
    """Show the solution and why it is right, once it is yours, or after three tries.

    `force=True` shows it now: you learn more if you try first.
    """
    with gently():
        found = find(exercise)
        progress = kept.load()
        attempts = progress.of(exercise)
        if not (force or attempts.passed or attempts.tries >= TRIES):
            left = TRIES - attempts.tries
            more = f"{left} more {'try' if left == 1 else 'tries'}"
            show(
                Text(
                    f"The solution of {exercise} opens when your answer is right, or after {more}. "
                    f"`hint({exercise!r})` helps on; `reveal({exercise!r}, force=True)` opens it "
                    "now."
                )
            )
            return
        attempts.revealed = True
        kept.save(progress)
        show(Text(solution_text(found)))


def solution_text(exercise: Exercise) -> str:
    """Return the solution of an exercise, explained, with the other right answers: Markdown."""
    solution = f"```python\n{exercise.source('solution')}```"
    return "\n\n".join([exercise.about, solution, *other_ways(exercise)])


SHOWN: Final = 3
"""So many other right answers are shown: a dozen would be read by nobody."""


def other_ways(exercise: Exercise) -> list[str]:
    """Return some other right answers to an exercise, each folded under its name: Markdown.

    Those come first whose names stand among the alternatives of `about.md`, in that order.
    """
    told = exercise.about.partition("*Alternatives.*")[2].replace("`", "").casefold()
    named = {name.replace("_", " "): source for name, source in exercise.others("alt").items()}
    # A name that is not found has the place -1.
    ways = sorted(named, key=lambda name: told.find(name) % (len(told) + 1))
    shown = [
        f"<details><summary>Another way: {name}</summary>\n\n"
        f"```python\n{named[name]}```\n\n</details>"
        for name in ways[:SHOWN]
    ]
    more = len(ways) - len(shown)
    if more:
        shown.append(f"And {more} more: the check takes each that keeps the promise.")
    return shown


class Text:
    """Markdown: shown as such in a notebook, as it is elsewhere, with nothing folded."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        unfolded = re.sub(r"<details><summary>(.*?)</summary>", r"**\1**", self._text)
        return unfolded.replace("\n\n</details>", "")

    def _repr_markdown_(self) -> str:
        return self._text


_LEFT: Final = 'style="text-align:left"'
"""Notebooks set tables to the right, for numbers."""


class _Map:
    """The exercises of the course, and how far the learner is."""

    def __init__(self, progress: kept.Progress) -> None:
        self._rows = [
            (phase, [(one.name, progress.of(one.name)) for one in exercises() if _in(one, prefix)])
            for prefix, phase in PHASES.items()
        ]

    def __repr__(self) -> str:
        lines = []
        for phase, rows in self._rows:
            lines.append(f"{phase}: {sum(a.passed for _, a in rows)} of {len(rows)}")
            lines += [f"  {_mark(a)} {name:<28} {_story(a)}".rstrip() for name, a in rows]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        shown = ""
        for phase, rows in self._rows:
            done = f"{sum(a.passed for _, a in rows)} of {len(rows)}"
            shown += f'<tr><th colspan="3" scope="rowgroup" {_LEFT}>{phase}: {done}</th></tr>'
            for name, attempts in rows:
                cells = (_mark(attempts), f"<code>{escape(name)}</code>", _story(attempts))
                shown += f"<tr>{''.join(f'<td {_LEFT}>{cell}</td>' for cell in cells)}</tr>"
        return (
            f'<table class="tq-map"><caption>Your way through the course</caption>{shown}</table>'
        )


def _in(exercise: Exercise, prefix: str) -> bool:
    return exercise.name.startswith(f"{prefix}.")


def _mark(attempts: kept.Attempts) -> str:
    return "✓" if attempts.passed else "…" if attempts.tries else "·"


def _story(attempts: kept.Attempts) -> str:
    tries = attempts.tries
    parts = [
        f"{tries} {'try' if tries == 1 else 'tries'} before"
        if attempts.passed
        else f"{tries} tried"
    ]
    if not tries:
        parts = ["at once"] if attempts.passed else []
    if attempts.sure:
        parts.append(f"sure {attempts.sure} of 5")
    if attempts.hints:
        parts.append(f"{attempts.hints} hints")
    if attempts.misconceptions:
        parts.append("met: " + ", ".join(attempts.misconceptions).replace("_", " "))
    return "; ".join(parts)


def confidence(exercise: str, sure: int) -> None:
    """Note how sure you are that your answer is right, from 1 (a guess) to 5 (certain).

    Say it before the check. The map of `progress()` shows it beside what came of it: to know what
    one knows is a skill of its own.
    """
    with gently():
        if sure not in range(1, 6):
            raise TaskQueueError(f"{sure!r} is no number from 1 to 5", hint="1 is a guess.")
        noted = kept.load()
        noted.of(find(exercise).name).sure = sure
        kept.save(noted)
        show(Text(f"Noted: {sure} of 5. Now check it."))


def progress() -> None:
    """Draw the map of the course: which exercises are done, and what was met on the way."""
    show(_Map(kept.load()))


def show(thing: Any) -> None:
    """Display a thing in a notebook; print it elsewhere."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        from IPython.display import display

        display(thing)
    else:
        sys.stdout.write(f"{thing}\n")


@contextmanager
def gently() -> Iterator[None]:
    """Show what is wrong with a call, and raise it only while grading."""
    try:
        yield
    except CheckFailed:
        raise
    except TaskQueueError as error:
        if strict():
            raise
        show(Text(str(error)))
