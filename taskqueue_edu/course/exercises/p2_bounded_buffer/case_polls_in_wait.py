"""Nobody is woken: everybody waits for a twentieth of a second, and looks."""

from taskqueue_edu.course.exercises.p2_bounded_buffer.given import (
    Empty,
    Full,
    deque,
    threading,
    time,
)


class BoundedBuffer:
    """At most `maxsize` items, the oldest first."""

    def __init__(self, maxsize):
        # Invariant, true whenever the lock is free: `_items` holds what was put and not yet
        # taken, oldest first, at most `_maxsize` items.
        self._changed = threading.Condition()
        self._items = deque()
        self._maxsize = maxsize

    def put(self, item, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while len(self._items) >= self._maxsize:
                if end is not None and time.monotonic() >= end:
                    raise Full
                self._changed.wait(0.05)
            self._items.append(item)

    def get(self, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while not self._items:
                if end is not None and time.monotonic() >= end:
                    raise Empty
                self._changed.wait(0.05)
            item = self._items.popleft()
            return item
