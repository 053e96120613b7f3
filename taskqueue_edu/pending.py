"""The tasks that wait: by priority, then by age, and not before they are due."""

from __future__ import annotations

import heapq
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from taskqueue_edu.errors import QueueClosed
from taskqueue_edu.locks import give_way

T = TypeVar("T")


class Pending(Protocol[T]):
    """What TaskQueue needs of a queue of pending items: a learner's own class plugs in here."""

    def put(self, item: T, priority: int = 0, due: float | None = None) -> None:
        """Add an item; never blocks (the bound is TaskQueue's). Raises QueueClosed."""
        ...

    def get(self) -> T:
        """Remove and return the next item; wait until there is one. Raises QueueClosed."""
        ...

    def discard(self, item: T) -> bool:
        """Remove an item that was not taken yet; True if it was there."""
        ...

    def close(self) -> None:
        """Give nothing out any more, and wake every `get` with QueueClosed."""
        ...


class PendingQueue(Generic[T]):
    """FIFO within priority (a higher priority comes first), with delays. Items are hashable.

    `due` is in seconds since 1970; a delayed item joins the end of its line when it is due. No
    thread polls: one waiting thread, the *leader*, sleeps until the next item is due, the others
    until they are woken (the leader/follower pattern of Schmidt et al., "Pattern-Oriented
    Software Architecture" 2, 2000, as in Java's DelayQueue).
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        # Invariant, true whenever the lock is free: each item is in one line, the one that
        # `_line_of` names: that of its priority, or None while it is delayed. `_ranks` is a heap of
        # the negated priorities that have a line. `_delayed` is a heap of (due, count, rank,
        # item), in which an entry counts if `_counts` has its count for its item.
        # `_gates` are those of the waiting threads. If one of them could take an item, one gate has
        # been opened and taken off, and its thread is on its way: `_coming`. It takes an item, and
        # opens the next gate if there are more. One at a time: to wake a thread for each item costs
        # two switches of threads a task where the workers keep up with whoever submits.
        self._lock = threading.Lock()
        self._taken = False  # see `give_way`
        self._ranks: list[int] = []
        self._lines: dict[int, OrderedDict[T, None]] = {}
        self._line_of: dict[T, OrderedDict[T, None]] = {}
        self._delayed: list[tuple[float, int, int, T]] = []
        self._counts: dict[T, int] = {}
        self._count = 0
        self._gates: list[threading.Lock] = []
        self._coming = False
        self._leader: threading.Lock | None = None
        self._closed = False
        self._clock = clock

    def put(self, item: T, priority: int = 0, due: float | None = None) -> None:
        """Add `item`; raises QueueClosed. An item that is already there is moved, not doubled."""
        if self._taken:
            give_way(self._lock)
        with self._lock:
            self._taken = True
            if self._closed:
                raise QueueClosed("the pending queue is closed")
            if item in self._line_of or item in self._counts:
                self._remove(item)
            if self._delayed:  # what is due came before this item
                self._promote()
            if due is None or due <= self._clock():
                self._join(item, -priority)
            else:
                self._count += 1
                self._counts[item] = self._count
                heapq.heappush(self._delayed, (due, self._count, -priority, item))
                # The leader may be asleep for longer than this item's delay.
                self._leader = None
            if self._gates and not self._coming:
                self._open_gate()
            self._taken = False

    def _join(self, item: T, rank: int) -> None:
        line = self._lines.get(rank)
        if line is None:
            line = self._lines[rank] = OrderedDict()
            heapq.heappush(self._ranks, rank)
        line[item] = None
        self._line_of[item] = line

    def get(self) -> T:
        """Remove and return the next item, waiting until one is due. Raises QueueClosed."""
        gate: threading.Lock | None = None
        opened = False
        try:
            while True:
                if self._taken:
                    give_way(self._lock)
                with self._lock:
                    self._taken = True
                    if gate is not None:
                        self._leave_line(gate, opened)
                    if self._closed:
                        raise QueueClosed("the pending queue is closed")
                    if self._delayed:
                        self._promote()
                    while self._ranks:
                        line = self._lines[self._ranks[0]]
                        if line:
                            item, _ = line.popitem(last=False)
                            del self._line_of[item]
                            self._hand_over()
                            self._taken = False
                            return item
                        del self._lines[heapq.heappop(self._ranks)]
                    if gate is None:
                        gate = threading.Lock()
                        gate.acquire()
                    seconds = self._line_up(gate)
                    self._hand_over()
                    self._taken = False
                opened = gate.acquire(timeout=seconds)
        except BaseException:  # Ctrl-C: nobody may count on this thread any more
            if gate is not None:
                with self._lock:
                    self._leave_line(gate, False)
                    self._hand_over()
            raise

    def _line_up(self, gate: threading.Lock) -> float:
        """Add a gate; return for how long to sleep at it: the leader until the next item is due."""
        self._gates.append(gate)
        now = self._clock()
        if not self._delayed or self._leader is not None:
            return -1.0
        self._leader = gate
        return min(max(self._delayed[0][0] - now, 0.0), threading.TIMEOUT_MAX)

    def _leave_line(self, gate: threading.Lock, opened: bool) -> None:
        if self._leader is gate:
            self._leader = None
        if not opened and gate in self._gates:
            self._gates.remove(gate)
            return
        self._coming = False
        if not opened:  # somebody opened it just after the time was up
            gate.acquire(blocking=False)

    def _hand_over(self) -> None:
        """Wake the next thread for what is left: an item, or the part of the leader."""
        if (
            self._gates
            and not self._coming
            and (self._line_of or (self._delayed and self._leader is None))
        ):
            self._open_gate()

    def _open_gate(self) -> None:
        # The thread that came last. Were it the first, they would take turns at a light load, and
        # a round trip would take 3.7 switches of threads instead of 2.9, 44.5 µs instead of 40.5.
        self._coming = True
        self._gates.pop().release()

    def discard(self, item: T) -> bool:
        """Remove `item` if nobody took it yet; True if it was there."""
        with self._lock:
            return self._remove(item)

    def _remove(self, item: T) -> bool:
        line = self._line_of.pop(item, None)
        if line is not None:
            del line[item]
            return True
        found = self._counts.pop(item, None) is not None
        # Its entry stays in the heap and is passed over when it comes up: finding it there
        # would take a search. Once most entries are such, all of them are swept out.
        if len(self._delayed) > 2 * len(self._counts) + 100:
            self._delayed = [e for e in self._delayed if self._counts.get(e[3]) == e[1]]
            heapq.heapify(self._delayed)
        return found

    def close(self) -> None:
        """Wake every waiting `get`, now and from now on, with QueueClosed."""
        with self._lock:
            self._closed = True
            while self._gates:
                self._gates.pop().release()

    def __len__(self) -> int:
        return len(self._line_of) + len(self._counts)

    def _promote(self) -> None:
        """Let what is due join its line."""
        now = self._clock()
        while self._delayed and self._delayed[0][0] <= now:
            _, count, rank, item = heapq.heappop(self._delayed)
            if self._counts.get(item) == count:
                del self._counts[item]
                self._join(item, rank)
