"""Who gives up has the lock for ever: there is no `finally`."""

from taskqueue_edu.course.exercises.p2_bounded_buffer.given import Empty, Full, deque, threading


class BoundedBuffer:
    """At most `maxsize` items, the oldest first."""

    def __init__(self, maxsize):
        self._changed = threading.Condition()
        self._items = deque()
        self._maxsize = maxsize

    def put(self, item, timeout=None):
        self._changed.acquire()
        if not self._changed.wait_for(lambda: len(self._items) < self._maxsize, timeout):
            raise Full
        self._items.append(item)
        self._changed.notify_all()
        self._changed.release()

    def get(self, timeout=None):
        self._changed.acquire()
        if not self._changed.wait_for(lambda: self._items, timeout):
            raise Empty
        item = self._items.popleft()
        self._changed.notify_all()
        self._changed.release()
        return item
