from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}
        self._found = None

    def get(self, path):
        with self._lock:
            self._found = self._files.get(path)
            if self._found is None:
                self._found = self._files[path] = SourceFile(path)
        return self._found
