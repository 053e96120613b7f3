from taskqueue_edu.course.exercises.p1_newest_first.given import QueueClosed, heapq, threading


class MinimalPending:
    """Highest priority first, then the oldest. Ignores due times."""

    def __init__(self):
        # Invariant, true whenever the lock is free: `_heap` holds each item that was put and
        # neither taken nor discarded, exactly once.
        self._changed = threading.Condition()
        self._heap = []
        self._count = 0
        self._closed = False

    def put(self, item, priority=0, due=None):
        with self._changed:
            if self._closed:
                raise QueueClosed("the pending queue is closed")
            self._count += 1
            heapq.heappush(self._heap, (-priority, self._count, item))
            self._changed.notify()

    def get(self):
        with self._changed:
            while not self._heap and not self._closed:
                self._changed.wait()
            if self._closed:
                raise QueueClosed("the pending queue is closed")
            return heapq.heappop(self._heap)[2]

    def discard(self, item):
        with self._changed:
            before = len(self._heap)
            self._heap = [entry for entry in self._heap if entry[2] != item]
            heapq.heapify(self._heap)
            return len(self._heap) < before

    def close(self):
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class NewestFirst(MinimalPending):
    """The newest item comes first."""

    def put(self, item, priority=0, due=None):
        with self._changed:  # it may be taken twice by one thread
            super().put(item, priority=self._count)
