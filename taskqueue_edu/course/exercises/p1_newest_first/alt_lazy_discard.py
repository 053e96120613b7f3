from taskqueue_edu.course.exercises.p1_newest_first.given import QueueClosed, threading


class NewestFirst:
    """The newest item comes first."""

    def __init__(self):
        # Invariant, true whenever the lock is free: `_items` holds each item that was put and
        # not taken, once, oldest first; those that are in `_gone` too were discarded.
        self._changed = threading.Condition()
        self._items = []
        self._gone = set()
        self._closed = False

    def put(self, item, priority=0, due=None):
        with self._changed:
            if self._closed:
                raise QueueClosed("the pending queue is closed")
            if item in self._gone:  # it lies there still: now it comes again, as the newest
                self._gone.remove(item)
                self._items.remove(item)
            self._items.append(item)
            self._changed.notify()

    def get(self):
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._items or self._closed)
                if self._closed:
                    raise QueueClosed("the pending queue is closed")
                item = self._items.pop()
                if item not in self._gone:
                    return item
                self._gone.remove(item)

    def discard(self, item):
        with self._changed:
            if item not in self._items or item in self._gone:
                return False
            self._gone.add(item)
            return True

    def close(self):
        with self._changed:
            self._closed = True
            self._changed.notify_all()
