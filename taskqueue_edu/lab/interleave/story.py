"""What happens in one schedule, written down step by step: for a schedule that fails."""

from __future__ import annotations

import linecache
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath
from types import FrameType
from typing import Any

from taskqueue_edu.lab.interleave.accesses import Target
from taskqueue_edu.lab.interleave.expressions import CELL, GLOBAL, attribute
from taskqueue_edu.lab.interleave.locks import Condition
from taskqueue_edu.lab.interleave.scope import Scope
from taskqueue_edu.lab.interleave.shown import Shown
from taskqueue_edu.lab.interleave.strands import Group, Strand, next_step


@dataclass(frozen=True)
class Step:
    """What one thread does on one line, until another thread or another line comes."""

    thread: int
    line: int
    source: str
    file: str
    notes: tuple[str, ...]
    """What it reads, takes, gives back and waits for there."""
    changes: tuple[tuple[str, str], ...]
    """What is shared and has another value or state after this: the name, and which one."""
    shared: tuple[tuple[str, str], ...]
    """All that is shared, as far as a thread has come by it yet: as it is after this."""
    holds: tuple[str, ...]
    """The locks it holds after this."""
    waits: bool
    """Whether it can't go on after this until another thread does something."""
    wrong: bool
    """Whether this is where it goes wrong."""
    last: bool
    """Whether the thread ends after this."""

    @property
    def place(self) -> str:
        """The number of the line, and before it whose it is if an exercise's check has brought it.

        Without that, a learner looks for the line in a cell that has no such number.
        """
        theirs = PurePath(self.file).name == "check.py"
        return f"check.py:{self.line}" if theirs else str(self.line)


@dataclass
class _Draft:
    strand: Strand
    line: int
    file: str
    notes: list[str] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    changes: dict[str, str] = field(default_factory=dict)
    holds: tuple[str, ...] = ()
    waits: bool = False
    wrong: bool = False


class _Pending:
    """What an instruction is about to change: that can be told only after it."""

    def __init__(
        self,
        draft: _Draft,
        name: str,
        value: Callable[[], str],
        note: str = "",
        container: object = None,
    ) -> None:
        self.draft, self.name, self.value, self.note = draft, name, value, note
        self._container = container
        self._before = _items(container)

    def has_changed(self) -> bool:
        """Whether there is something else now; a variable that is assigned has always changed."""
        return self._before is None or self._before != _items(self._container)


class Recorder:
    """Writes down a schedule as it runs."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._drafts: list[_Draft] = []
        self._at: tuple[Strand, int, str] | None = None
        """On which line something happened last, even if there was nothing to tell of it."""
        self._draft_of: dict[Strand, _Draft | None] = {}
        """What is told of the line that each strand came to last."""
        # What an instruction has written can be looked at only after it.
        self._pending: list[_Pending] = []
        self._values: dict[str, str] = {}
        self._shown = Shown()
        self._ended: set[int] = set()

    # -- what is told

    def line(self, strand: Strand, frame: FrameType) -> None:
        """Note that `strand` comes to a line."""
        strand.where = (frame.f_code.co_filename, frame.f_lineno)
        self._come_to(strand)

    def point(self, strand: Strand, blocks: bool) -> None:
        """Note that another strand may come in here, and whether this one has to wait."""
        if not blocks:
            self._complete()
            return
        if not isinstance(strand.doing[1], Group):
            self._locate(strand)
            self._waits(strand)

    def nobody_can_go_on(self, waiting: list[Strand]) -> None:
        """Note what each strand waits for in the end."""
        for strand in waiting:
            if not isinstance(strand.doing[1], Group):
                self._waits(strand).wrong = True

    def _waits(self, strand: Strand) -> _Draft:
        verb, on = next_step(strand)
        owner = getattr(on, "owner", None)
        text = "has to " + (verb if verb.startswith("wait ") else f"wait to {verb}")
        if on is not None:
            text += f" {on.name}"
        if isinstance(owner, Strand):
            text += ", which " + ("it holds itself" if owner is strand else f"{owner.name} holds")
        last = self._draft_of.get(strand)
        draft = last if last is not None and text in last.notes else self._draft(strand)
        if text not in draft.notes:
            draft.notes.append(text)
        draft.waits = True
        return draft

    def operation(self, strand: Strand, verb: str, on: Any, in_time: bool) -> None:
        """Note an operation of a primitive."""
        self._locate(strand)
        draft = self._draft(strand)
        done = f"has waited {verb[5:]}" if verb.startswith("wait ") else verb
        draft.notes.append(f"{done} {on.name}" + ("" if in_time else ": its time is up"))
        # Whoever has waited for a condition holds its lock again.
        lock = on._lock if isinstance(on, Condition) else on
        self._pending.append(_Pending(draft, lock.name, lambda: str(lock.state)))

    def access(
        self, strand: Strand, frame: FrameType, target: Target, owner: Any, writes: bool
    ) -> None:
        """Note an access that is about to happen."""
        strand.where = (frame.f_code.co_filename, frame.f_lineno)
        draft = self._draft(strand)
        name = target.name
        if target.attribute is None and owner is None:  # which list it is can't be told for sure
            draft.notes.append(f"{'writes' if writes else 'looks'} into {name}")
            return

        def value() -> str:
            return self._shown.text(_value(target, owner, frame))

        if writes:
            inside = owner if target.attribute is None else None
            self._pending.append(_Pending(draft, name, value, f"writes {name}", inside))
            draft.notes.append(f"writes {name}")
        else:
            draft.seen[name] = value()
            draft.notes.append(f"sees {name} = {draft.seen[name]}")

    def remark(self, strand: Strand, text: str) -> None:
        """Note anything else."""
        self._locate(strand)
        self._draft(strand).notes.append(text)

    def ends(self, strand: Strand, error: BaseException | None) -> None:
        """Note that a strand has ended."""
        self._complete()
        self._ended.add(strand.id)
        if error is None:
            return
        trace = error.__traceback__
        while trace is not None:
            if self._scope.has(trace.tb_frame.f_code):
                strand.where = (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
            trace = trace.tb_next
        draft = self._draft(strand)
        draft.notes.append(f"raises {type(error).__name__}")
        draft.wrong = True

    # -- writing it down

    def _complete(self) -> None:
        for access in self._pending:
            draft, name, text = access.draft, access.name, access.value()
            if access.note in draft.notes:
                # A `pop` of an empty list raises, and a `discard` may find nothing.
                verb = "writes" if access.has_changed() else "changes nothing in"
                draft.notes[draft.notes.index(access.note)] = f"{verb} {name} = {text}"
            if self._values.get(name) != text:
                draft.changes[name] = self._values[name] = text
        self._pending.clear()
        if self._at is not None and (last := self._draft_of[self._at[0]]) is not None:
            last.holds = tuple(lock.name for lock in last.strand.held)

    def _locate(self, strand: Strand) -> None:
        """Find out on which line of the code under test the calling strand is."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and not self._scope.has(frame.f_code):
            frame = frame.f_back
        if frame is not None:
            strand.where = (frame.f_code.co_filename, frame.f_lineno)

    def _come_to(self, strand: Strand) -> None:
        """Note on which line the strand is, with nothing told of it yet if it is another one."""
        self._complete()
        file, line = strand.where or ("", 0)
        at = (strand, line, file)
        if at != self._at:
            self._at, self._draft_of[strand] = at, None

    def _draft(self, strand: Strand) -> _Draft:
        """Return what is told of the line that the strand is on."""
        self._come_to(strand)
        draft = self._draft_of[strand]
        if draft is None:
            file, line = strand.where or ("", 0)
            draft = self._draft_of[strand] = _Draft(strand, line, file)
            self._drafts.append(draft)
        return draft

    def steps(self) -> tuple[Step, ...]:
        """Return the steps in which something happened that others could notice."""
        self._complete()
        told = [draft for draft in self._drafts if draft.notes or draft.changes]
        last = {draft.strand.id: draft for draft in told if draft.strand.id in self._ended}
        shared: dict[str, str] = {}
        found = []
        for draft in told:
            shared |= draft.seen | draft.changes
            found.append(
                Step(
                    draft.strand.id,
                    draft.line,
                    linecache.getline(draft.file, draft.line).strip(),
                    draft.file,
                    tuple(dict.fromkeys(draft.notes)),
                    tuple(draft.changes.items()),
                    tuple(shared.items()),
                    draft.holds,
                    draft.waits,
                    draft.wrong,
                    draft is last.get(draft.strand.id),
                )
            )
        return tuple(found)


def _items(container: object) -> list[int] | None:
    """Return which objects are in a container, in their order, or None for anything else."""
    if isinstance(container, dict):
        return [id(part) for item in container.items() for part in item]
    if isinstance(container, (list, set, deque)):
        return [id(item) for item in container]
    return None


def _value(target: Target, owner: Any, frame: FrameType) -> Any:
    if target.attribute is None:
        return owner
    if target.of is GLOBAL:
        return frame.f_globals.get(target.attribute)
    if target.of is CELL:
        return frame.f_locals.get(target.attribute)
    return attribute(owner, target.attribute)
