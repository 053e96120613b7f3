"""Which accesses are switch points.

To let another thread run before *every* instruction that touches an attribute would make far too
many schedules. It is needed only where there is a *data race*: two threads access the same data,
one of them writes, and nothing says who comes first. Where locks, queues, events, starts and joins
put all accesses of some data in an order, another order takes another order of those operations,
and they are switch points already (Musuvathi et al., "Finding and Reproducing Heisenbugs", 2008).

Nobody knows beforehand which data races. So the search begins with none, looks for races in every
schedule, and starts again with one more name as soon as a schedule shows one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Known:
    """What a search has found out about sharing, and so which points its schedules have."""

    written: frozenset[str] = frozenset()
    racy: frozenset[str] = frozenset()
    wild: frozenset[str] = frozenset()
    looked_at: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()


class Sharing:
    """What all schedules so far have shown."""

    def __init__(self, benign: Iterable[str], *, everything: bool = False) -> None:
        self.benign = frozenset(benign)
        self.everything = everything
        self.written: set[str] = set()
        """Labels of attributes and variables that some code under test assigns."""
        self.racy: set[str] = set()
        self.shared: set[str] = set()
        """Labels of what two threads access and one of them writes, in whatever order."""
        self.wild: set[str] = set()
        """Labels of which some access reaches an object that can't be told."""
        self.looked_at: set[str] = set()
        """Kinds of primitives that somebody looked at without waiting.

        If nobody does, then a moment before a lock is released is like the moment after: whoever
        wants it waits. A try-lock, a timeout or `locked()` can tell them apart.
        """
        self.grown = False
        """Whether the search must start again."""

    def known(self) -> Known:
        """Return what is known now."""
        return Known(
            frozenset(self.written),
            frozenset(self.racy),
            frozenset(self.wild),
            frozenset(self.looked_at),
            frozenset(self.shared),
        )

    def start_from(self, known: Known) -> None:
        """Take over what an earlier search has found."""
        self.written |= known.written
        self.racy |= known.racy
        self.wild |= known.wild
        self.looked_at |= known.looked_at
        self.shared |= known.shared

    def see_written(self, labels: Iterable[str]) -> None:
        """Note what the code of one more function assigns."""
        new = set(labels) - self.written - self.benign
        if new:
            self.written |= new
            self.grown = True

    def see_wild(self, label: str) -> None:
        """Note that an access of that name may touch any object."""
        if label not in self.wild:
            self.wild.add(label)
            self.grown = True

    def see_look(self, kind: str) -> None:
        """Note that somebody looks at a primitive of that kind without waiting for it."""
        if kind not in self.looked_at:
            self.looked_at.add(kind)
            self.grown = True


class Order:
    """What comes before what in one schedule, and which accesses nothing puts in an order.

    Each thread has a *vector clock*: how far along each thread was, at the latest, when this one
    last heard of it (Flanagan and Freund, "FastTrack", 2009). It hears of others through the
    operations of primitives.
    """

    def __init__(self, sharing: Sharing) -> None:
        self._sharing = sharing
        self._threads: list[list[int]] = []
        self._objects: dict[Hashable, tuple[int, list[int]]] = {}
        """By primitive: which thread was there last, and what it knew."""
        self._seen: dict[Hashable, _Accesses] = {}

    def begin(self, parent: int | None) -> None:
        """Add a thread: it knows what its parent does."""
        clock = [] if parent is None else self._threads[parent][:]
        if parent is not None:
            self._threads[parent][parent] += 1
        clock += [0] * (len(self._threads) - len(clock)) + [1]
        self._threads.append(clock)

    def join(self, thread: int, ended: int) -> None:
        """Have `thread` hear of all that `ended` did."""
        _hear(self._threads[thread], self._threads[ended])

    def pass_through(self, thread: int, on: Hashable) -> None:
        """Note an operation of a primitive: it tells of those before, and those after of it."""
        clock = self._threads[thread]
        last = self._objects.get(on)
        if last is not None and last[0] != thread:
            _hear(clock, last[1])
        self._objects[on] = thread, clock[:]
        clock[thread] += 1

    def access(self, key: Hashable, owner: Any, label: str, writes: bool, thread: int) -> None:
        """Note an access to data by a thread."""
        seen = self._seen.get(key)
        if seen is None:
            seen = self._seen[key] = _Accesses(owner, thread)
        clock = self._threads[thread]
        this = (thread, clock[thread], label, writes)
        if seen.last == this:
            return
        seen.last = this
        seen.labels.add(label)
        (seen.writes if writes else seen.reads)[thread] = clock[thread]
        if seen.only == thread:
            return
        seen.only = None
        sharing = self._sharing
        if seen.writes:
            sharing.shared |= seen.labels
        unordered = _unordered(clock, thread, seen.writes)
        if writes and not unordered:
            unordered = _unordered(clock, thread, seen.reads)
        if seen.races or unordered or (sharing.everything and seen.writes):
            self._race(seen)

    def _race(self, seen: _Accesses) -> None:
        seen.races = True
        if not seen.labels <= self._sharing.racy:
            self._sharing.racy |= seen.labels
            self._sharing.grown = True


def _unordered(clock: list[int], thread: int, accesses: dict[int, int]) -> bool:
    """Whether one of these accesses, by another thread, is one that `thread` has not heard of."""
    known = len(clock)
    for other, when in accesses.items():
        if other != thread and (other >= known or clock[other] < when):
            return True
    return False


def _hear(clock: list[int], other: list[int]) -> None:
    for thread, when in enumerate(other):
        if thread >= len(clock):
            clock.append(when)
        elif clock[thread] < when:
            clock[thread] = when


class _Accesses:
    """When each thread last read and wrote some data."""

    __slots__ = ("labels", "last", "only", "owner", "races", "reads", "writes")

    def __init__(self, owner: Any, only: int) -> None:
        self.owner = owner  # kept, lest its id become another's while this schedule runs
        self.only: int | None = only
        """The thread, as long as it is only one."""
        self.labels: set[str] = set()
        self.reads: dict[int, int] = {}
        self.writes: dict[int, int] = {}
        self.races = False
        self.last: tuple[int, int, str, bool] | None = None
