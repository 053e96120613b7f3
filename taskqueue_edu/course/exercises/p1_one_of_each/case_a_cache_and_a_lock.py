"""The lock is taken inside of what is cached: two run it one after the other, and make two."""

import functools

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}

    @functools.lru_cache(maxsize=None)
    def get(self, path):
        with self._lock:
            return SourceFile(path)
