"""Whoever waits in put() keeps a lock that the next one needs, and its timeout is not looked at."""

from taskqueue_edu.course.exercises.p2_bounded_buffer.given import Empty, Full, deque, threading


class BoundedBuffer:
    """At most `maxsize` items, the oldest first."""

    def __init__(self, maxsize):
        # Invariant, true whenever the lock is free: `_items` holds what was put and not yet
        # taken, oldest first, at most `_maxsize` items. One semaphore counts places, one items.
        self._lock = threading.Lock()
        self._puts = threading.Lock()
        self._places = threading.Semaphore(maxsize)
        self._there = threading.Semaphore(0)
        self._items = deque()

    def put(self, item, timeout=None):
        with self._puts:
            if not self._places.acquire(timeout=timeout):
                raise Full
            self._items.append(item)
            self._there.release()

    def get(self, timeout=None):
        if not self._there.acquire(timeout=timeout):
            raise Empty
        with self._lock:
            item = self._items.popleft()
        self._places.release()
        return item
