"""A cache keeps one object, and makes two if two ask at once."""

import functools

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}

    @functools.cache
    def get(self, path):
        return SourceFile(path)
