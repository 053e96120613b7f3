"""One call of the dict asks and adds: in CPython that is one step."""

from taskqueue_edu.course.exercises.p1_one_of_each.given import SourceFile


class Files:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._files = {}

    def get(self, path):
        try:
            return self._files[path]
        except KeyError:
            return self._files.setdefault(path, SourceFile(path))
