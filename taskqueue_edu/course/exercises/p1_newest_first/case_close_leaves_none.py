"""close() leaves None where the items were, and get() and discard() still look there."""

from taskqueue_edu.course.exercises.p1_newest_first.given import QueueClosed, threading


class NewestFirst:
    """The newest item comes first."""

    def __init__(self):
        # Invariant, true whenever the lock is free: `_items` holds each item that was put and
        # neither taken nor discarded, once, oldest first.
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
            self._changed.wait_for(lambda: self._items or self._closed)
            if self._closed:
                raise QueueClosed("the pending queue is closed")
            return self._items.pop()

    def discard(self, item):
        with self._changed:
            if item not in self._items:
                return False
            self._items.remove(item)
            return True

    def close(self):
        with self._changed:
            self._closed = True
            self._items = None
            self._changed.notify_all()
