import queue

from taskqueue_edu.course.exercises.p1_newest_first.given import QueueClosed, threading


class NewestFirst:
    """The newest item comes first."""

    def __init__(self):
        self._queue = queue.LifoQueue()
        self._changed = self._queue.not_empty
        self._closed = False

    def put(self, item, priority=0, due=None):
        with self._changed:
            if self._closed:
                raise QueueClosed("the pending queue is closed")
            self._queue.queue.append(item)
            self._changed.notify()

    def get(self):
        with self._changed:
            while not self._queue.queue and not self._closed:
                self._changed.wait()
            if self._closed:
                raise QueueClosed("the pending queue is closed")
            return self._queue.queue.pop()

    def discard(self, item):
        with self._changed:
            if item in self._queue.queue:
                self._queue.queue.remove(item)
                return True
            return False

    def close(self):
        with self._changed:
            self._closed = True
            self._changed.notify_all()
