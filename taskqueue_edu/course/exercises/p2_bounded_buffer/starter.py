from taskqueue_edu.course.exercises.p2_bounded_buffer.given import deque, threading


class BoundedBuffer:
    """At most `maxsize` items, the oldest first."""

    def __init__(self, maxsize):
        # Invariant, true whenever the lock is free: ...
        self._changed = threading.Condition()
        self._items = deque()
        self._maxsize = maxsize

    def put(self, item, timeout=None): ...

    def get(self, timeout=None): ...
