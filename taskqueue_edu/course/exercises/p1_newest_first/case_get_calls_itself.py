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
            if self._closed:
                raise QueueClosed("the pending queue is closed")
            if self._items:
                return self._items.pop()
            self._changed.wait(timeout=0.01)
            return self.get()

    def discard(self, item):
        with self._changed:
            if item in self._items:
                self._items.remove(item)
                return True
            return False

    def close(self):
        with self._changed:
            self._closed = True
            self._changed.notify_all()
