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

    def put(self, item, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while len(self._items) >= self._maxsize:
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    raise Full
                if not self._changed.wait(left):
                    raise Full
            self._items.append(item)
            self._changed.notify_all()

    def get(self, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while not self._items:
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    raise Empty
                if not self._changed.wait(left):
                    raise Empty  # all were told: no notification is lost with this thread
            item = self._items.popleft()
            self._changed.notify_all()
            return item
