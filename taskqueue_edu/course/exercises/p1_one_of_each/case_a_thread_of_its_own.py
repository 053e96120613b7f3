"""An executor makes the objects: the lab can't follow it."""

from concurrent.futures import ThreadPoolExecutor

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}
        self._executor = ThreadPoolExecutor(max_workers=1)

    def get(self, path):
        return self._executor.submit(self._find, path).result()

    def _find(self, path):
        if path not in self._files:
            self._files[path] = SourceFile(path)
        return self._files[path]
