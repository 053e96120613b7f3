"""Runs a program and its recovery, each on a simulated disk of its own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from taskqueue_edu.lab.crash.effects import Content, Log
from taskqueue_edu.lab.crash.patches import in_place, place, slots_for
from taskqueue_edu.lab.crash.system import Fault, System
from taskqueue_edu.lab.crash.tree import ROOT

Acknowledge: TypeAlias = Callable[[Any], None]
Run: TypeAlias = Callable[[Path, Acknowledge], object]
Recover: TypeAlias = Callable[[Path], Any]

_FOLDER: Final = Path(ROOT)


class Spent(Exception):
    """The budget is spent."""


class ProgramRaised(Exception):
    """The program raised something that no fault explains."""


@dataclass(eq=False)
class Trace:
    """One run of the program, from an intact disk to its end."""

    number: int
    """0 for the run without a fault."""
    log: Log
    faulted: int
    """After how many events the fault came; 0 if none did."""
    syncs: int
    writes: int
    error: BaseException | None
    left: Content


@dataclass
class Outcome:
    """What recovery made of a content of the disk."""

    log: Log
    left: Content
    value: Any = None
    error: BaseException | None = None
    crashed: list[Content] | None = None
    """What a crash of the recovery leaves, once somebody has asked."""
    again: Again | None = None


@dataclass
class Again:
    """The program started again on what recovery has left, and recovered once more."""

    complaint: str
    told: list[Any]
    left: Content
    """What was on the disk at the end."""
    recovered: str = ""


class Runner:
    """Each content of the disk is recovered once."""

    def __init__(self, run: Run, recover: Recover, budget: int) -> None:
        """Recover from `budget` contents at most."""
        self._run, self._recover, self._budget = run, recover, budget
        self._slots = slots_for((run, recover))
        self.outcomes: dict[Content, Outcome] = {}

    def trace(self, start: Content, fault: Fault | None = None, number: int = 0) -> Trace:
        """Run the program once."""
        system, error = System(start, place, fault), None

        def acknowledge(value: Any) -> None:
            system.note("acknowledge", f"acknowledge {value!r}", value=copied(value))

        try:
            with in_place(system, self._slots):
                self._run(_FOLDER, acknowledge)
        except KeyboardInterrupt:
            raise
        except BaseException as raised:
            error = raised
        left = system.content()
        return Trace(number, system.log, system.faulted, system.syncs, system.writes, error, left)

    def outcome(self, content: Content) -> Outcome:
        """Recover from a content of the disk. Raises Spent."""
        known = self.outcomes.get(content)
        if known is None:
            if len(self.outcomes) >= self._budget:
                raise Spent
            system = System(content, place)
            known = Outcome(system.log, content)
            try:
                with in_place(system, self._slots):
                    value = self._recover(_FOLDER)
                    known.value = list(value) if isinstance(value, Iterator) else value
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                known.error = error.with_traceback(None)
            known.left = system.content()
            self.outcomes[content] = known
        return known


def copied(value: Any) -> Any:
    """Return a copy all the way down; what can't be copied, as it is."""
    try:
        return copy.deepcopy(value)
    except Exception:
        return value


def described(error: BaseException) -> str:
    """Return an exception as one line."""
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
