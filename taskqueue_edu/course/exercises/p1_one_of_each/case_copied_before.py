from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}

    def get(self, path):
        if path not in self._files:
            fresh = {**self._files, path: SourceFile(path)}
            with self._lock:
                if path not in self._files:
                    self._files = fresh
        return self._files[path]
