"""It looks for the same text object."""

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}

    def get(self, path):
        with self._lock:
            for known, file in self._files.items():
                if known is path:
                    return file
            self._files[path] = SourceFile(path)
            return self._files[path]
