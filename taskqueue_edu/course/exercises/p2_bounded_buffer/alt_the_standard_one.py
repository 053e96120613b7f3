from taskqueue_edu.course.exercises.p2_bounded_buffer.given import Queue


class BoundedBuffer:
    """At most `maxsize` items, the oldest first."""

    def __init__(self, maxsize):
        self._queue = Queue(maxsize)

    def put(self, item, timeout=None):
        self._queue.put(item, timeout=timeout)

    def get(self, timeout=None):
        return self._queue.get(timeout=timeout)
