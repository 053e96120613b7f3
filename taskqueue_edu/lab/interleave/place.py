"""Where all threads are after some steps of a schedule, and the source around one line."""

from __future__ import annotations

import linecache
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from taskqueue_edu.lab.interleave.story import Step
from taskqueue_edu.lab.interleave.text import columns

_AROUND: Final = 9
"""How many lines of a function are shown at most on either side of the one that runs."""


@dataclass(frozen=True)
class Place:
    """Where a thread is."""

    thread: int
    step: Step | None
    """The last one it did; None if it has done none yet."""

    @property
    def ended(self) -> bool:
        """Whether it has come to its end, and not by an error."""
        return self.step is not None and self.step.last and not self.step.wrong

    def __str__(self) -> str:
        step = self.step
        if step is None:
            return "has done nothing yet"
        if self.ended:
            return "has ended"
        does = "waits on" if step.waits else "stopped by an error on" if step.wrong else "is on"
        holds = f", holds {', '.join(step.holds)}" if step.holds else ""
        return f"{does} line {step.place}{holds}"


def places(steps: Sequence[Step], number: int) -> list[Place]:
    """Return where each thread that takes part is after the first `number` steps."""
    last = {step.thread: step for step in steps[:number]}
    return [Place(thread, last.get(thread)) for thread in columns(steps)]


@dataclass(frozen=True)
class Line:
    """A line of the source."""

    number: int
    text: str
    here: tuple[int, ...]
    """The threads that are on it."""


def source(steps: Sequence[Step], number: int) -> list[Line]:
    """Return the function that step `number` is in, and which threads are where in it.

    It is empty if the source is not at hand.
    """
    step = steps[number - 1]
    on: dict[int, tuple[int, ...]] = {}
    for place in places(steps, number):
        other = place.step
        if other is step or (other and other.file == step.file and not place.ended):
            on[other.line] = (*on.get(other.line, ()), place.thread)
    lines = linecache.getlines(step.file)
    if not 0 < step.line <= len(lines):
        return []
    first, last = _function(lines, step.line - 1)
    first, last = max(first, step.line - 1 - _AROUND), min(last, step.line - 1 + _AROUND)
    depth = min(_depth(line) for line in lines[first : last + 1] if line.strip())
    return [
        Line(i + 1, lines[i][depth:].rstrip(), on.get(i + 1, ())) for i in range(first, last + 1)
    ]


def _function(lines: Sequence[str], at: int) -> tuple[int, int]:
    """Return the first and the last line of the innermost function around a line, by indentation.

    To parse the source would take a source without mistakes, and warn of what it finds in it.
    """
    first, depth = at, _depth(lines[at])
    while first > 0 and not _begins(lines[first]):
        first -= 1
        while first > 0 and (not lines[first].strip() or _depth(lines[first]) >= depth):
            first -= 1
        depth = _depth(lines[first])
    last = at
    for i in range(at + 1, len(lines)):
        if lines[i].strip():
            if _depth(lines[i]) <= depth:
                break
            last = i
    return first, last


def _begins(line: str) -> bool:
    return line.lstrip().startswith(("def ", "async def "))


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
