"""join() waits until all calls have returned. The threads of the executor stay."""

from taskqueue_edu.course.exercises.p2_pool.given import ThreadPoolExecutor, run_task


class TinyPool:
    """`workers` threads run the tasks of a queue until it is closed."""

    def __init__(self, queue, workers):
        self.workers = workers
        self._queue = queue
        self._executor = ThreadPoolExecutor(workers)

    def start(self):
        """Attach the pool to its queue, and start the threads."""
        self._queue.dispatcher.attach(self)
        names = [f"tiny-{number}" for number in range(self.workers)]
        self._calls = [self._executor.submit(self._work, name) for name in names]

    def _work(self, name):
        """What each thread does: claim, run, settle, until there is nothing to claim."""
        desk = self._queue.dispatcher
        for run in iter(lambda: desk.claim(name), None):
            desk.settle(run, *run_task(run))

    def join(self):
        """Return when all threads have ended. The queue is closed by then."""
        for call in self._calls:
            call.result()
