"""The threads are daemons, and none gets into the list that join() goes through."""

from taskqueue_edu.course.exercises.p2_pool.given import run_task, threading


class TinyPool:
    """`workers` threads run the tasks of a queue until it is closed."""

    def __init__(self, queue, workers):
        self.workers = workers
        self._queue = queue
        self._threads = []

    def start(self):
        """Attach the pool to its queue, and start the threads."""
        self._queue.dispatcher.attach(self)
        for number in range(1, self.workers + 1):
            thread = threading.Thread(target=self._work, args=(f"tiny-{number}",), daemon=True)
            thread.start()

    def _work(self, name):
        """What each thread does: claim, run, settle, until there is nothing to claim."""
        desk = self._queue.dispatcher
        while (run := desk.claim(name)) is not None:
            desk.settle(run, *run_task(run))  # an outcome, whatever the task raises

    def join(self):
        """Return when all threads have ended. The queue is closed by then."""
        for thread in self._threads:
            thread.join()
