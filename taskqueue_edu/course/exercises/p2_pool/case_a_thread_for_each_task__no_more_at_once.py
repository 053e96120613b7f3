"""One thread claims, and starts a thread for each task, as many at once as it may."""

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
        thread = threading.Thread(target=self._accept)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        desk, places, number = self._queue.dispatcher, threading.Semaphore(self.workers), 0
        while places.acquire() and (run := desk.claim(f"tiny-{number}")) is not None:
            number += 1
            thread = threading.Thread(target=self._work, args=(run, places))
            self._threads.append(thread)
            thread.start()

    def _work(self, run, places):
        """What each thread does: run a task, settle it."""
        self._queue.dispatcher.settle(run, *run_task(run))
        places.release()

    def join(self):
        """Return when all threads have ended. The queue is closed by then."""
        for thread in self._threads:
            thread.join()
