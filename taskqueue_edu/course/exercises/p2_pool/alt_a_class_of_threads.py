"""The worker is a thread of a class of its own."""

from taskqueue_edu.course.exercises.p2_pool.given import run_task, threading


class Worker(threading.Thread):
    def __init__(self, pool, number):
        super().__init__(name=f"tiny-{number}")
        self._pool = pool

    def run(self):
        self._pool._work(self.name)


class TinyPool:
    """`workers` threads run the tasks of a queue until it is closed."""

    def __init__(self, queue, workers):
        self.workers = workers
        self._queue = queue
        self._threads = [Worker(self, number) for number in range(workers)]

    def start(self):
        """Attach the pool to its queue, and start the threads."""
        self._queue.dispatcher.attach(self)
        for thread in self._threads:
            thread.start()

    def _work(self, name):
        """What each thread does: claim, run, settle, until there is nothing to claim."""
        desk = self._queue.dispatcher
        while (run := desk.claim(name)) is not None:
            desk.settle(run, *run_task(run))

    def join(self):
        """Return when all threads have ended. The queue is closed by then."""
        while self._threads:
            self._threads.pop().join()
