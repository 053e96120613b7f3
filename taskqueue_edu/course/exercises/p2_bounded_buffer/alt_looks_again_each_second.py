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
        self._changed = threading.Condition()
        self._items = deque()
        self._maxsize = maxsize

    def _await(self, ready, timeout, error):
        end = float("inf") if timeout is None else time.monotonic() + timeout
        while not ready():
            if (left := end - time.monotonic()) <= 0:
                raise error
            self._changed.wait(min(1, left))

    def put(self, item, timeout=None):
        with self._changed:
            self._await(lambda: len(self._items) < self._maxsize, timeout, Full)
            self._items.append(item)
            self._changed.notify_all()

    def get(self, timeout=None):
        with self._changed:
            self._await(lambda: self._items, timeout, Empty)
            self._changed.notify_all()
            return self._items.popleft()
