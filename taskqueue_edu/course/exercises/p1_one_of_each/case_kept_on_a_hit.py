"""The lock is kept if the file was there."""

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}

    def get(self, path):
        self._lock.acquire()
        if path in self._files:
            return self._files[path]
        self._files[path] = SourceFile(path)
        self._lock.release()
        return self._files[path]
