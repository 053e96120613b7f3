"""A file is made if there is one: the first who asks gets a KeyError."""

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}

    def get(self, path):
        with self._lock:
            if path in self._files:
                self._files[path] = SourceFile(path)
            return self._files[path]
