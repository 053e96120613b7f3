"""put() counts the item before it is there."""

from taskqueue_edu.course.exercises.p2_bounded_buffer.given import Empty, Full, deque, threading


class BoundedBuffer:
    """At most `maxsize` items, the oldest first."""

    def __init__(self, maxsize):
        # Invariant, true whenever the lock is free: `_items` holds what was put and not yet
        # taken, oldest first, at most `_maxsize` items.
        self._free = threading.Semaphore(maxsize)
        self._used = threading.Semaphore(0)
        self._items = deque()

    def put(self, item, timeout=None):
        if not self._free.acquire(timeout=timeout):
            raise Full
        self._used.release()
        self._items.append(item)

    def get(self, timeout=None):
        if not self._used.acquire(timeout=timeout):
            raise Empty
        item = self._items.popleft()
        self._free.release()
        return item
