"""Each thread has a dict of its own."""

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = threading.local()

    def get(self, path):
        files = self._files.__dict__
        if path not in files:
            files[path] = SourceFile(path)
        return files[path]
