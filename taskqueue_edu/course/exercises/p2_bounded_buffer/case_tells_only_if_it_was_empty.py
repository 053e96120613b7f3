"""put() tells a getter only if the buffer was empty: of two who wait, one sleeps on."""

from taskqueue_edu.course.exercises.p2_bounded_buffer.given import Empty, Full, deque, threading


class BoundedBuffer:
    """At most `maxsize` items, the oldest first."""

    def __init__(self, maxsize):
        # Invariant, true whenever the lock is free: `_items` holds what was put and not yet
        # taken, oldest first, at most `_maxsize` items. Each change is notified.
        self._lock = threading.Lock()
        self._not_full = threading.Condition(self._lock)
        self._not_empty = threading.Condition(self._lock)
        self._items = deque()
        self._maxsize = maxsize

    def put(self, item, timeout=None):
        with self._lock:
            if not self._not_full.wait_for(lambda: len(self._items) < self._maxsize, timeout):
                raise Full
            self._items.append(item)
            if len(self._items) == 1:
                self._not_empty.notify()

    def get(self, timeout=None):
        with self._lock:
            if not self._not_empty.wait_for(lambda: len(self._items) > 0, timeout):
                raise Empty
            item = self._items.popleft()
            self._not_full.notify()
            return item
