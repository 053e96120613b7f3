"""It asks whether somebody has the lock, and does nothing then."""

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}

    def get(self, path):
        if not self._lock.locked():
            with self._lock:
                if path not in self._files:
                    self._files[path] = SourceFile(path)
                return self._files[path]
