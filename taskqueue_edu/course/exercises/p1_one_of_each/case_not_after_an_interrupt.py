"""The lock is kept if the making is interrupted."""

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}

    def get(self, path):
        self._lock.acquire()
        try:
            if path not in self._files:
                self._files[path] = SourceFile(path)
            found = self._files[path]
        except Exception:
            self._lock.release()
            raise
        self._lock.release()
        return found
