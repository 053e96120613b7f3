from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    _turn = threading.Semaphore(1)

    def __init__(self):
        self._files = {}

    def get(self, path):
        with self._turn:
            if path not in self._files:
                self._files[path] = SourceFile(path)
            return self._files[path]
