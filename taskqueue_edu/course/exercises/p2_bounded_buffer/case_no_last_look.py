"""When its time is up it doesn't look once more, and each notification wakes one thread only."""

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
        # taken, oldest first, at most `_maxsize` items. Each change is notified.
        lock = threading.Lock()
        self._room, self._stuff = threading.Condition(lock), threading.Condition(lock)
        self._items = deque()
        self._maxsize = maxsize

    def _until(self, changed, ready, timeout, error):
        end = None if timeout is None else time.monotonic() + timeout
        while not ready():
            left = None if end is None else max(0, end - time.monotonic())
            if not changed.wait(left):
                raise error

    def put(self, item, timeout=None):
        with self._room:
            self._until(self._room, lambda: len(self._items) < self._maxsize, timeout, Full)
            self._items.append(item)
            self._stuff.notify()

    def get(self, timeout=None):
        with self._stuff:
            self._until(self._stuff, lambda: self._items, timeout, Empty)
            item = self._items.popleft()
            self._room.notify()
            return item
