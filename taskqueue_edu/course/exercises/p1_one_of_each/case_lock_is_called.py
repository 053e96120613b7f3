"""The lock is called, as if it were a function."""

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}

    def get(self, path):
        with self._lock():  # from the question to the answer: nobody may come between
            if path not in self._files:
                self._files[path] = SourceFile(path)
            return self._files[path]
