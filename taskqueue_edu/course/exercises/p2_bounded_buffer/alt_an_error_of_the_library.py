"""put() raises an error that is a queue.Full as well."""

from taskqueue_edu import QueueFull
from taskqueue_edu.course.exercises.p2_bounded_buffer.given import Empty, deque, threading


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
                raise QueueFull
            self._items.append(item)
            self._changed.notify_all()

    def get(self, timeout=None):
        with self._changed:
            if not self._changed.wait_for(lambda: self._items, timeout):
                raise Empty
            item = self._items.popleft()
            self._changed.notify_all()  # getters and putters wait here: one might be the wrong one
            return item
