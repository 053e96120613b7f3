"""Paths that differ in case alone get one object."""

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}

    def get(self, path):
        with self._lock:
            key = str(path).lower()
            if key not in self._files:
                self._files[key] = SourceFile(path)
            return self._files[key]
