"""A function that makes lists gives out its default."""

from taskqueue_edu.course.exercises.p1_collector.given import IndexBatch


def fresh(paths=[]):
    return paths


class Collector:
    def __init__(self, queue):
        self._queue = queue
        self._paths = fresh()
        self.ids = []

    def add(self, path):
        self._paths.append(path)
        if len(self._paths) == 4:
            self.flush()

    def flush(self):
        if self._paths:
            self.ids.append(self._queue.submit(IndexBatch(self._paths)))
            self._paths = []  # a new list: the old one belongs to the batch alone
