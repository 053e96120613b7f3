"""Two events say that there is an item, or a place; they are looked at without the lock."""

from taskqueue_edu.course.exercises.p2_bounded_buffer.given import Empty, Full, deque, threading


class BoundedBuffer:
    """At most `maxsize` items, the oldest first."""

    def __init__(self, maxsize):
        self._lock = threading.Lock()
        self._there = threading.Event()
        self._room = threading.Event()
        self._room.set()
        self._items = deque()
        self._maxsize = maxsize

    def put(self, item, timeout=None):
        if not self._room.wait(timeout):
            raise Full
        with self._lock:
            self._items.append(item)
            if len(self._items) == self._maxsize:
                self._room.clear()
            self._there.set()

    def get(self, timeout=None):
        if not self._there.wait(timeout):
            raise Empty
        with self._lock:
            item = self._items.popleft()
            if not self._items:
                self._there.clear()
            self._room.set()
            return item
