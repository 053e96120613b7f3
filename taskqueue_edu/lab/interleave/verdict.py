"""What an exploration has found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from taskqueue_edu.lab.interleave.sharing import Known
from taskqueue_edu.lab.interleave.story import Step

Kind: TypeAlias = Literal[
    "ok",
    "assertion",
    "exception",
    "deadlock",
    "lost wakeup",
    "left running",
    "no progress",
    "stuck",
    "not repeatable",
    "budget spent",
]


@dataclass(frozen=True)
class Plan:
    """One schedule: where it departs from the usual choice, given what counts as a point."""

    choices: tuple[tuple[int, int], ...] = ()
    known: Known = field(default_factory=Known)


@dataclass(frozen=True, repr=False)
class Verdict:
    """What `explore` has found: `ok` is True, False, or None if the budget was spent before."""

    ok: bool | None
    kind: Kind
    message: str
    schedules: int
    """How many schedules were run."""
    states: int
    """How many different states they came through."""
    seconds: float
    bound: int
    """All schedules with up to so many preemptions were run; if it failed: how many that took."""
    threads: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    """The failing schedule, step by step."""
    switches: int = 0
    """How often the failing schedule goes from one thread to another."""
    output: str = ""
    """What the failing schedule printed."""
    scenario: Callable[[], object] | None = field(default=None, compare=False)
    plan: Plan = field(default_factory=Plan)

    def __bool__(self) -> bool:
        return self.ok is True

    def __repr__(self) -> str:
        from taskqueue_edu.lab.interleave.text import headline

        return f"<Verdict: {headline(self)}>"

    def __str__(self) -> str:
        from taskqueue_edu.lab.interleave.text import in_words

        return in_words(self)

    def _repr_html_(self) -> str:
        from taskqueue_edu.lab.interleave.page import as_html

        return as_html(self)

    def details(self) -> tuple[str, str]:
        """Return all but the headline, as text and as HTML: what a check shows below its own."""
        from taskqueue_edu.lab.interleave.page import as_html
        from taskqueue_edu.lab.interleave.text import in_words

        return in_words(self, head=False), as_html(self, head=False)
