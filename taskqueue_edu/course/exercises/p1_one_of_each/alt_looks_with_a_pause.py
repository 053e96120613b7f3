"""While the lock is taken, get() sleeps for a moment and looks again."""

import time

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}

    def get(self, path):
        while self._lock.locked():
            time.sleep(0.001)
        with self._lock:
            if path not in self._files:
                self._files[path] = SourceFile(path)
            return self._files[path]
