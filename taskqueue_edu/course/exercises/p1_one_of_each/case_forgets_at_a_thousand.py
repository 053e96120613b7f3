"""It forgets all if there are a thousand."""

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}

    def get(self, path):
        with self._lock:
            if len(self._files) >= 1000:
                self._files.clear()
            if path not in self._files:
                self._files[path] = SourceFile(path)
            return self._files[path]
