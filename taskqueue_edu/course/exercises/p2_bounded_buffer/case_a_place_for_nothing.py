"""A get() that gives up gives a place free, though it has taken nothing out."""

from taskqueue_edu.course.exercises.p2_bounded_buffer.given import Empty, Full, deque, threading


class BoundedBuffer:
    """At most `maxsize` items, the oldest first."""

    def __init__(self, maxsize):
        # Invariant, true whenever the lock is free: `_items` holds what was put and not yet
        # taken, oldest first, at most `_maxsize` items. One semaphore counts places, one items.
        self._places = threading.Semaphore(maxsize)
        self._filled = threading.Semaphore(0)
        self._items = deque()

    def put(self, item, timeout=None):
        if not self._places.acquire(timeout=timeout):
            raise Full
        self._items.append(item)
        self._filled.release()

    def get(self, timeout=None):
        try:
            if not self._filled.acquire(timeout=timeout):
                raise Empty
            return self._items.popleft()
        finally:
            self._places.release()
