"""step_through: a failing schedule one step at a time."""

from __future__ import annotations

import textwrap

from taskqueue_edu.lab.interleave.page import moment, section, timeline
from taskqueue_edu.lab.interleave.place import places
from taskqueue_edu.lab.interleave.text import headline, lines_of
from taskqueue_edu.lab.interleave.verdict import Verdict


def step_through(verdict: Verdict) -> Stepper:
    """Show the schedule of a failed verdict one step at a time.

    In a notebook there are buttons: the source with the line that runs, where each thread is, which
    locks it holds, and what is shared, after each step. Elsewhere it is text, all steps at once.
    Raises ValueError if the verdict has no schedule.
    """
    if not verdict.steps:
        raise ValueError("this verdict has no schedule to step through")
    return Stepper(verdict)


class Stepper:
    """The steps of a schedule, from 1 on; shows itself."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict

    def __len__(self) -> int:
        return len(self._verdict.steps)

    def summary(self, number: int) -> str:
        """Return a step in one line."""
        step = self._verdict.steps[number - 1]
        who, did = self._verdict.threads[step.thread], "; ".join(step.notes)
        return f"Step {number} of {len(self)}: {who}, line {step.place}: {did}"

    def text(self, number: int) -> str:
        """Return a step in words: what it does, and how everything is after it."""
        verdict = self._verdict
        step = verdict.steps[number - 1]
        shared = ", ".join(f"{name} = {value}" for name, value in step.shared)
        where = "; ".join(
            f"{verdict.threads[place.thread]} {place}" for place in places(verdict.steps, number)
        )
        lines = [
            f"Step {number} of {len(self)}: {verdict.threads[step.thread]}",
            *(f"    {line}" for line in lines_of(step)),
            _filled("Shared: ", shared or "nothing yet"),
            _filled("Threads: ", where),
        ]
        return "\n".join(lines)

    def html(self, number: int) -> str:
        """Return a step as HTML: the source, how everything is after it, the schedule up to it."""
        verdict = self._verdict
        return section(
            f"step {number} of {len(self)}",
            [
                moment(verdict.threads, verdict.steps, number),
                timeline(verdict.threads, verdict.steps, number),
            ],
        )

    def __repr__(self) -> str:
        steps = [self.text(number) for number in range(1, len(self) + 1)]
        return "\n\n".join([textwrap.fill(headline(self._verdict), 100), *steps])

    def _ipython_display_(self) -> None:
        from taskqueue_edu.lab.buttons import Pages, display

        self._pages = Pages(headline(self._verdict), len(self), self.html, self.summary)
        display(self._pages.box, repr(self))


def _filled(head: str, text: str) -> str:
    return textwrap.fill(text, 100, initial_indent=f"    {head}", subsequent_indent=" " * 8)
