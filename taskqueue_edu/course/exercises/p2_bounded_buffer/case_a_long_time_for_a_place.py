"""put() takes a very long time for no limit."""

from taskqueue_edu.course.exercises.p2_bounded_buffer.given import Empty, Full, deque, threading


class BoundedBuffer:
    """At most `maxsize` items, the oldest first."""

    def __init__(self, maxsize):
        self._changed = threading.Condition()
        self._items = deque()
        self._maxsize = maxsize

    def put(self, item, timeout=None):
        if timeout is None:
            timeout = 10**6
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._items) < self._maxsize, timeout):
                raise Full
            self._items.append(item)
            self._changed.notify_all()

    def get(self, timeout=None):
        with self._changed:
            if not self._changed.wait_for(lambda: self._items, timeout):
                raise Empty
            item = self._items.popleft()
            self._changed.notify_all()
            return item
