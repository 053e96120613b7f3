from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._locks = {}
        self._files = {}

    def get(self, path):
        with self._locks.setdefault(path, threading.Lock()):
            if path not in self._files:
                self._files = {**self._files, path: SourceFile(path)}
            return self._files[path]
