"""Each calls a function that is cached, and both run it if they ask at once."""

import functools

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile, threading


@functools.cache
def make(files, path):
    return SourceFile(path)


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}

    def get(self, path):
        return make(self, path)
