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
        names = [f"worker {number}" for number in range(self.workers)]
        self._threads = [threading.Thread(target=self._work, args=(name,)) for name in names]
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    def _work(self, name):
        """What each thread does: claim, run, settle, until there is nothing to claim."""
        desk = self._queue.dispatcher
        while True:
            run = desk.claim(name)
            if run is None:
                return
            kind, detail = run_task(run)
            desk.settle(run, kind, detail)

    def join(self):
        """Return when all threads have ended. The queue is closed by then."""
        while self._threads:
            self._threads.pop().join()
