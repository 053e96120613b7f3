"""Threads under control, and what each of them is about to do, in words."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taskqueue_edu.lab.interleave.carriers import Carrier


class Abort(BaseException):
    """Raised in a strand to end it: the schedule is over. Code under test should let it pass."""


class Strand:
    """A thread of the program under test."""

    __slots__ = (
        "carrier", "context", "daemon", "deadline", "doing", "done", "error", "fills", "fired",
        "held", "id", "ident", "joined", "looked", "name", "past", "ready", "spins", "target",
        "thread", "where",
    )  # fmt: skip

    def __init__(self, number: int, name: str, target: Callable[[], object], past: int) -> None:
        self.id, self.name, self.target, self.past = number, name, target, past
        self.daemon = False
        self.context = contextvars.Context()
        self.carrier: Carrier | None = None  # given when it runs for the first time
        self.ident = 0
        self.thread: Any = None  # the Thread that the code under test made for it
        self.ready: Callable[[], bool] | None = None
        """What it waits for; None: it can go on, unless it sleeps until `deadline`."""
        self.deadline: float | None = None
        self.fired = False
        self.doing: tuple[str, Any] = ("start", None)
        self.fills: Any = None
        """The defaultdict that it looks into, which may call the learner's function, if any."""
        self.held: list[Any] = []
        self.looked = False
        """Whether it has touched data since it last took a lock."""
        self.joined = False
        self.spins = 0
        self.done = False
        self.error: BaseException | None = None
        self.where: tuple[str, int] | None = None

    def able(self) -> bool:
        """Whether it can go on now."""
        return self.deadline is None if self.ready is None else self.ready()


class Group:
    """The strands of one `together`."""

    def __init__(self, name: str) -> None:
        self.name = name


def at(strand: Strand) -> str:
    """Say where it stands, if that is known: " at FILE:LINE"."""
    if strand.where is None:
        return ""
    path, line = Path(strand.where[0]), strand.where[1]
    if path.parent.name.startswith("ipykernel"):  # a cell, in a file with a number for a name
        return f" on line {line}"
    return f" at {path.name}:{line}"


def next_step(strand: Strand) -> tuple[str, Any]:
    """Return what it is about to do: whoever is woken at a condition needs its lock first."""
    verb, on = strand.doing
    lock = on.lock_needed_by(strand) if verb == "wait for" and on is not None else None
    return (verb, on) if lock is None else ("acquire", lock)


def doing(strand: Strand) -> str:
    """Say what a strand is about to do or waits for, and what it holds."""
    verb, on = next_step(strand)
    able = strand.able()
    text = f"{strand.name} {_is_about_to(verb) if able else _waits_to(verb)}"
    if on is not None:
        text += f" {on.name}"
    owner = getattr(on, "owner", None)
    if not able and isinstance(owner, Strand):
        holds = "still holds, though it has ended" if owner.done else "holds"
        text += (
            ", which " + ("it holds itself" if owner is strand else f"{owner.name} {holds}") + ","
        )
    text += at(strand)
    held = [lock.name for lock in strand.held if lock is not on or owner is not strand]
    if held:
        text += f" (it holds {', '.join(held)})"
    return text


def _is_about_to(verb: str) -> str:
    return "is about to " + ("go on after its " if verb.startswith("wait ") else "") + verb


def _waits_to(verb: str) -> str:
    if verb.startswith(("wait ", "sleep ")):
        first, rest = verb.split(" ", 1)
        return f"{first}s {rest}"
    return f"waits to {verb}"


def lost_wakeup(strand: Strand) -> str:
    """Say which notification it has missed, or ""."""
    verb, on = strand.doing
    return on.why_nobody_wakes(strand) if verb == "wait for" and on is not None else ""
