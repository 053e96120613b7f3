"""An item that is 0 or None counts as none, and is lost."""

from taskqueue_edu.course.exercises.p2_bounded_buffer.given import Empty, Full, deque, threading


class BoundedBuffer:
    """At most `maxsize` items, the oldest first."""

    def __init__(self, maxsize):
        # Invariant, true whenever the lock is free: `_items` holds what was put and not yet
        # taken, oldest first, at most `_maxsize` items. Each change is notified.
        self._changed = threading.Condition()
        self._items = deque()
        self._maxsize = maxsize

    def put(self, item, timeout=None):
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._items) < self._maxsize, timeout):
                raise Full
            self._items.append(item)
            self._changed.notify_all()

    def get(self, timeout=None):
        with self._changed:
            item = self._changed.wait_for(lambda: self._items and self._items.popleft(), timeout)
            if not item:
                raise Empty
            self._changed.notify_all()
            return item
