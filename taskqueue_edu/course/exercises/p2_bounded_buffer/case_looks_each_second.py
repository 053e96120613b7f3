"""Nobody is woken: everybody looks once a second."""

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
        self._lock = threading.Lock()
        self._items = deque()
        self._maxsize = maxsize

    def _await(self, ready, timeout, error):
        end = float("inf") if timeout is None else time.monotonic() + timeout
        while not ready():
            if (left := end - time.monotonic()) <= 0:
                raise error
            self._lock.release()
            time.sleep(min(1, left))
            self._lock.acquire()

    def put(self, item, timeout=None):
        with self._lock:
            self._await(lambda: len(self._items) < self._maxsize, timeout, Full)
            self._items.append(item)

    def get(self, timeout=None):
        with self._lock:
            self._await(lambda: self._items, timeout, Empty)
            return self._items.popleft()
