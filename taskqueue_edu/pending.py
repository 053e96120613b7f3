"""The tasks that wait: by priority, then by age, and not before they are due."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from taskqueue_edu.errors import QueueClosed

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

    `due` is in seconds since 1970. No thread polls: one waiting thread, the *leader*, sleeps
    until the next item is due, the others until they are woken (the leader/follower pattern of
    Schmidt et al., "Pattern-Oriented Software Architecture" 2, 2000, as in Java's DelayQueue).
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        # Invariant, true whenever the lock is free: every item in `_items` has exactly one live
        # entry, in `_ready` or in `_delayed`; an entry that is not its item's is discarded.
        # `_changed` is notified for each item that a waiting thread could take.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._ready: list[tuple[int, int, T]] = []
        self._delayed: list[tuple[float, int, int, T]] = []
        self._items: dict[T, int] = {}
        self._count = 0
        self._leader: int | None = None
        self._closed = False
        self._clock = clock

    def put(self, item: T, priority: int = 0, due: float | None = None) -> None:
        """Add `item`; raises QueueClosed. An item that is already there is moved, not doubled."""
        with self._lock:
            if self._closed:
                raise QueueClosed("the pending queue is closed")
            self._count += 1
            self._items[item] = self._count
            if due is None or due <= self._clock():
                heapq.heappush(self._ready, (-priority, self._count, item))
            else:
                heapq.heappush(self._delayed, (due, self._count, -priority, item))
                # The leader may be asleep for longer than this item's delay.
                self._leader = None
            self._changed.notify()

    def get(self) -> T:
        """Remove and return the next item, waiting until one is due. Raises QueueClosed."""
        with self._lock:
            try:
                while True:
                    if self._closed:
                        raise QueueClosed("the pending queue is closed")
                    self._promote()
                    if self._ready:
                        _, count, item = heapq.heappop(self._ready)
                        if self._items.get(item) == count:
                            del self._items[item]
                            return item
                    elif self._delayed and self._leader is None:
                        self._lead()
                    else:
                        self._changed.wait()
            finally:
                # Whoever leaves, with an item or by Ctrl-C, hands over what it may have been
                # woken for: a ready item, or the part of the leader.
                if self._ready or (self._delayed and self._leader is None):
                    self._changed.notify()

    def _lead(self) -> None:
        """Sleep until the next item is due, or something changed."""
        self._leader = me = threading.get_ident()
        left = self._delayed[0][0] - self._clock()
        try:
            self._changed.wait(min(max(left, 0.0), threading.TIMEOUT_MAX))
        finally:
            if self._leader == me:
                self._leader = None

    def discard(self, item: T) -> bool:
        """Remove `item` if nobody took it yet; True if it was there."""
        with self._lock:
            found = self._items.pop(item, None) is not None
            # Its entry stays in the heap and is passed over when it comes up: finding it there
            # would take a search. Once most entries are such, all of them are swept out.
            if len(self._ready) + len(self._delayed) > 2 * len(self._items) + 100:
                items = self._items
                self._ready = [e for e in self._ready if items.get(e[2]) == e[1]]
                self._delayed = [e for e in self._delayed if items.get(e[3]) == e[1]]
                heapq.heapify(self._ready)
                heapq.heapify(self._delayed)
            return found

    def close(self) -> None:
        """Wake every waiting `get`, now and from now on, with QueueClosed."""
        with self._lock:
            self._closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._items)

    def _promote(self) -> None:
        """Move what is due to `_ready`, oldest first: age counts from `put`."""
        now = self._clock()
        while self._delayed and self._delayed[0][0] <= now:
            _, count, rank, item = heapq.heappop(self._delayed)
            if self._items.get(item) == count:
                heapq.heappush(self._ready, (rank, count, item))
