"""A cache that all indexes share."""

import functools

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}

    def get(self, path):
        with self._lock:
            return self._made(path)

    @staticmethod
    @functools.cache
    def _made(path):
        return SourceFile(path)
