"""An item's rank is the number of those that wait, and after a discard two have the same."""

from taskqueue_edu.course.exercises.p1_newest_first.given import QueueClosed, heapq, threading


class NewestFirst:
    """The newest item comes first."""

    def __init__(self):
        # Invariant, true whenever the lock is free: `_items` holds each item that was put and
        # neither taken nor discarded, once, each after a number that falls with every put.
        self._changed = threading.Condition()
        self._items = []
        self._closed = False

    def put(self, item, priority=0, due=None):
        with self._changed:
            if self._closed:
                raise QueueClosed("the pending queue is closed")
            heapq.heappush(self._items, (-len(self._items), str(item), item))
            self._changed.notify()

    def get(self):
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed)
            if self._closed:
                raise QueueClosed("the pending queue is closed")
            return heapq.heappop(self._items)[2]

    def discard(self, item):
        with self._changed:
            before = len(self._items)
            self._items = [entry for entry in self._items if entry[2] != item]
            heapq.heapify(self._items)
            return len(self._items) < before

    def close(self):
        with self._changed:
            self._closed = True
            self._changed.notify_all()
