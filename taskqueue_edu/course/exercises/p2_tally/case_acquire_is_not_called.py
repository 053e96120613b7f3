"""`acquire` without brackets: add() takes no lock."""

from taskqueue_edu.course.exercises.p2_tally.given import threading


class Tally:
    """What the workers have indexed. Many threads call both methods."""

    def __init__(self):
        # Invariant, true whenever the lock is free: `lines` is the sum of the lines of
        # exactly `files` files.
        self._lock = threading.Lock()
        self.files = 0
        self.lines = 0

    def add(self, lines):
        """Count one more file, with so many lines."""
        self._lock.acquire
        self.files += 1
        self.lines += lines
        self._lock.release

    def report(self):
        """Return the tuple (files, lines), as they were together at one moment."""
        with self._lock:
            return self.files, self.lines
