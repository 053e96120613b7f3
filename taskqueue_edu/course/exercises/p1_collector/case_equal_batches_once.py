"""A batch of the same paths as an earlier one is not submitted again."""

from taskqueue_edu.course.exercises.p1_collector.given import IndexBatch


class Collector:
    def __init__(self, queue):
        self._queue = queue
        self._paths = []
        self.ids = []
        self._known = {}

    def add(self, path):
        self._paths.append(path)
        if len(self._paths) == 4:
            self.flush()

    def flush(self):
        if self._paths:
            paths = tuple(self._paths)
            if paths not in self._known:
                self._known[paths] = self._queue.submit(IndexBatch(self._paths))
            self.ids.append(self._known[paths])
            self._paths = []
