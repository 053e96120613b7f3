"""A verdict in words: for terminals, and for whoever has it read aloud."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from taskqueue_edu.lab.interleave.story import Step
    from taskqueue_edu.lab.interleave.verdict import Verdict

_WIDTH: Final = 120
"""So wide may a table be, as long as its columns keep their least width."""
_COLUMNS: Final = range(34, 21, -1)
"""How wide a column may be: the first with which the table fits, or the last."""
_MOST: Final = 80
"""A table of more steps has only the first and the last, if they don't repeat."""
_PERIOD: Final = 12
"""A thread that spins takes thousands of steps, again and again these: they are shown once."""


def headline(verdict: Verdict) -> str:
    """Return the verdict in one sentence."""
    if verdict.ok:
        return f"PASS: {verdict.message} ({_schedules(verdict)})."
    if verdict.ok is None:
        return f"UNDECIDED: {verdict.message}."
    # What a learner's assert says may end in a dot of its own.
    return f"{verdict.kind.upper()}: {verdict.message.removesuffix('.')}."


def coverage(verdict: Verdict) -> str:
    """Say what the verdict covers, and what it does not."""
    if verdict.ok is False:
        times = "switch" if verdict.switches == 1 else "switches"
        found = f"Found in {_schedules(verdict)}"
        if not verdict.steps:
            return f"{found}."
        return f"{found}; this one has {verdict.switches} {times} of threads."
    if verdict.schedules == 1:
        return "No other schedule was run."
    return (
        "A switch was possible before each operation of a lock, queue or other primitive, and "
        "before each access to data that threads race for: what the language permits, more than "
        "one build of Python may happen to do. Errors that take more preemptions are not excluded."
    )


def _schedules(verdict: Verdict) -> str:
    return "1 schedule" if verdict.schedules == 1 else f"{verdict.schedules:,} schedules"


def in_words(verdict: Verdict, *, head: bool = True) -> str:
    """Return the whole verdict, with a column for each thread if a schedule failed."""
    parts = [textwrap.fill(headline(verdict), 100)] if head else []
    if verdict.steps:
        parts.append(table(verdict.threads, verdict.steps))
    parts.append(textwrap.fill(coverage(verdict), 100))
    return "\n\n".join(parts)


def columns(steps: Sequence[Step]) -> list[int]:
    """Return the threads that take part, by number."""
    return sorted({step.thread for step in steps})


def lines_of(step: Step) -> list[str]:
    """Return what a step does, a line each: the source first."""
    found = [f"{step.place}: {step.source}"] if step.source else []
    found += [f"  {'! ' if is_stop(note) else ''}{note}" for note in step.notes]
    return found


def is_stop(note: str) -> bool:
    """Whether the thread goes no further there, for now or for ever."""
    return note.startswith(("has to wait", "has no end", "raises"))


def changes_of(step: Step) -> list[str]:
    """Return what is shared and different after a step."""
    return [f"{name} = {value}" for name, value in step.changes]


def left_out(steps: Sequence[Step]) -> list[tuple[range, str]]:
    """Return the numbers of the steps that a table leaves out, counted from 1, and why."""
    count, half = len(steps), _MOST // 2
    left = _repeated(steps)
    if count - sum(len(numbers) for numbers, _ in left) > _MOST:
        left = [(range(half + 1, count - half + 1), "not shown")]
    return [(n, f"steps {n.start:,} to {n[-1]:,}: {why}") for n, why in left]


def _repeated(steps: Sequence[Step]) -> list[tuple[range, str]]:
    """Return the stretches of steps that repeat those before them at least twice more."""
    looks = [(step.thread, lines_of(step), changes_of(step)) for step in steps]
    found = []
    for period in range(1, _PERIOD + 1):
        start = period
        for here in range(period, len(looks) + 1):
            if here == len(looks) or looks[here] != looks[here - period]:
                if here - start > 2 * period:
                    found.append((range(start + 1, here + 1), period))
                start = here + 1
    taken: set[int] = set()
    kept = []
    for numbers, period in sorted(found, key=lambda stretch: (-len(stretch[0]), stretch[1])):
        # What is said to be repeated must be there to be seen.
        whole = range(numbers.start - period, numbers.stop)
        if taken.isdisjoint(whole):
            taken.update(whole)
            again = "the step" if period == 1 else f"the {period} steps"
            kept.append((numbers, f"{again} before, again and again"))
    return sorted(kept, key=lambda stretch: stretch[0].start)


def table(threads: Sequence[str], steps: Sequence[Step]) -> str:
    """Return a schedule with a column for each thread."""
    used = columns(steps)
    for width in _COLUMNS:
        rows = _rows(threads, steps, used, width)
        full = [row for row in rows if len(row) == len(rows[0])]
        widths = [max(map(len, column)) for column in zip(*full, strict=True)]
        if sum(widths) + len(" | ") * (len(widths) - 1) <= _WIDTH:
            break
    shown = [" | ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([shown[0], "-+-".join("-" * width for width in widths), *shown[1:]])


def _rows(
    threads: Sequence[str], steps: Sequence[Step], used: list[int], width: int
) -> list[list[str]]:
    """Return the cells of a table whose columns are no wider than `width`.

    What is said of steps left out is a row of two cells: it goes across all columns.
    """
    rows = [["", *(threads[i] for i in used), "shared, after it"]]
    left = left_out(steps)
    for number, step in enumerate(steps, 1):
        gone = next((stretch for stretch in left if number in stretch[0]), None)
        if gone is not None:
            if number == gone[0].start:
                rows.append(["...", gone[1]])
            continue
        cells: list[list[str]] = [
            [str(number)],
            *([] for _ in used),
            _wrap(changes_of(step), width),
        ]
        cells[1 + used.index(step.thread)] = _wrap(lines_of(step), width)
        rows += [list(row) for row in zip_longest(*cells, fillvalue="")]
    return rows


def _wrap(lines: list[str], width: int) -> list[str]:
    return [
        piece
        for line in lines
        for piece in textwrap.wrap(line, width, subsequent_indent="    ") or [""]
    ]
