from taskqueue_edu.course.exercises.p1_newest_first.given import QueueClosed, threading


class NewestFirst:
    """The newest item comes first."""

    def __init__(self):
        self._changed = threading.Condition()
        self._items = []
        self._closed = False

    def put(self, item, priority=0, due=None):
        with self._changed:
            if self._closed:
                raise QueueClosed("the pending queue is closed")
            self._items.append(item)
            self._changed.notify()

    def get(self):
        with self._changed:
            items = self._items
            while not items and not self._closed:
                self._changed.wait()
            if self._closed:
                raise QueueClosed("the pending queue is closed")
            return items.pop()

    def discard(self, item):
        with self._changed:
            before = len(self._items)
            self._items = [other for other in self._items if other != item]
            return len(self._items) < before

    def close(self):
        with self._changed:
            self._closed = True
            self._changed.notify_all()
