"""With a time limit it looks ten times a second."""

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
        self._lock = threading.Lock()
        self._not_full = threading.Condition(self._lock)
        self._not_empty = threading.Condition(self._lock)
        self._items = deque()
        self._maxsize = maxsize

    def _await(self, condition, ready, timeout, error):
        if timeout is None:
            condition.wait_for(ready)
            return
        end = time.monotonic() + timeout
        while not ready():
            if time.monotonic() >= end:
                raise error
            self._lock.release()
            time.sleep(0.1)
            self._lock.acquire()

    def put(self, item, timeout=None):
        with self._lock:
            self._await(self._not_full, lambda: len(self._items) < self._maxsize, timeout, Full)
            self._items.append(item)
            self._not_empty.notify()

    def get(self, timeout=None):
        with self._lock:
            self._await(self._not_empty, lambda: len(self._items) > 0, timeout, Empty)
            item = self._items.popleft()
            self._not_full.notify()
            return item
