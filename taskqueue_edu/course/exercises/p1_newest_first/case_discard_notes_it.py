from taskqueue_edu.course.exercises.p1_newest_first.given import QueueClosed, threading


class NewestFirst:
    """The newest item comes first."""

    def __init__(self):
        self._changed = threading.Condition()
        self._items = []
        self._closed = False
        self._discarded = set()

    def put(self, item, priority=0, due=None):
        with self._changed:
            if self._closed:
                raise QueueClosed("the pending queue is closed")
            self._items.append(item)
            self._changed.notify()

    def get(self):
        with self._changed:
            while True:
                while not self._items and not self._closed:
                    self._changed.wait()
                if self._closed:
                    raise QueueClosed("the pending queue is closed")
                item = self._items.pop()
                if item in self._discarded:
                    self._discarded.remove(item)
                    continue
                return item

    def discard(self, item):
        with self._changed:
            if item in self._items and item not in self._discarded:
                self._discarded.add(item)
                return True
            return False

    def close(self):
        with self._changed:
            self._closed = True
            self._changed.notify_all()
