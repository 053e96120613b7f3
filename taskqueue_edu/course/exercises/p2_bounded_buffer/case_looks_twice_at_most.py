"""It looks again once after a wakeup, and then goes on."""

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
            for _ in range(2):
                if len(self._items) < self._maxsize:
                    break
                if not self._changed.wait(timeout):
                    raise Full
            self._items.append(item)
            self._changed.notify_all()

    def get(self, timeout=None):
        with self._changed:
            for _ in range(2):
                if self._items:
                    break
                if not self._changed.wait(timeout):
                    raise Empty
            item = self._items.popleft()
            self._changed.notify_all()
            return item
