"""flush() says `queue`, and that is one of an earlier cell."""

from taskqueue_edu import TaskQueue
from taskqueue_edu.course.exercises.p1_collector.given import IndexBatch

queue = TaskQueue()
queue.close()


class Collector:
    def __init__(self, queue):
        self._queue = queue
        self._paths = []
        self.ids = []

    def add(self, path):
        self._paths.append(path)
        if len(self._paths) == 4:
            self.flush()

    def flush(self):
        if self._paths:
            self.ids.append(queue.submit(IndexBatch(self._paths)))
            self._paths = []
