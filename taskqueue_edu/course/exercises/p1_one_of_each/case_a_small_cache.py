"""A cache that keeps 128 objects."""

import functools

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._make = functools.lru_cache(SourceFile)

    def get(self, path):
        with self._lock:
            return self._make(path)
