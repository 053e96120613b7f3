from taskqueue_edu.course.exercises.p2_pool.given import threading


class TinyPool:
    """`workers` threads run the tasks of a queue until it is closed."""

    def __init__(self, queue, workers):
        self.workers = workers
        self._queue = queue
        self._threads = []

    def start(self):
        """Attach the pool to its queue, and start the threads."""
        ...

    def _work(self, name):
        """What each thread does: claim, run, settle, until there is nothing to claim."""
        ...

    def join(self):
        """Return when all threads have ended. The queue is closed by then."""
        ...
