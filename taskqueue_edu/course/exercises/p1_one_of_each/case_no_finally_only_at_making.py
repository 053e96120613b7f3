"""The lock is kept if the object can't be made."""

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}

    def get(self, path):
        if path in self._files:
            return self._files[path]
        self._lock.acquire()
        if path not in self._files:
            self._files[path] = SourceFile(path)
        self._lock.release()
        return self._files[path]
