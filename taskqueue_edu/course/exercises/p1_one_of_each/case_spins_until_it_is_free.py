"""get() goes round a loop until nobody has the lock, and only then takes it."""

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}

    def get(self, path):
        while self._lock.locked():
            pass
        with self._lock:
            if path not in self._files:
                self._files[path] = SourceFile(path)
            return self._files[path]
