from taskqueue_edu.course.exercises.p2_latch.given import threading


class Latch:
    """Those who wait go on when `count` have arrived, and not before."""

    def __init__(self, count):
        self._lock = threading.Lock()
        self._left = count
        self._all_are_here = threading.Event()
        if count <= 0:
            self._all_are_here.set()

    def arrive(self):
        """Say that one more has arrived."""
        with self._lock:
            self._left -= 1
            if self._left <= 0:
                self._all_are_here.set()

    def wait(self):
        """Return when all have arrived: at once, if they have."""
        self._all_are_here.wait()
