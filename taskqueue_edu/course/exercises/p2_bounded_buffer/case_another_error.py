"""It says that its time is over by another error."""

from taskqueue_edu.course.exercises.p2_bounded_buffer.given import deque, threading


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
                raise TimeoutError
            self._items.append(item)
            self._changed.notify_all()

    def get(self, timeout=None):
        with self._changed:
            if not self._changed.wait_for(lambda: self._items, timeout):
                raise TimeoutError
            item = self._items.popleft()
            self._changed.notify_all()  # getters and putters wait here: one might be the wrong one
            return item
