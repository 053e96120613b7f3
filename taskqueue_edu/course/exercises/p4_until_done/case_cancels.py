"""After a signal, what waits is cancelled: nobody will run it later."""

from taskqueue_edu.course.exercises.p4_until_done.given import QueueClosed, TaskStatus
from taskqueue_edu.course.exercises.p4_until_done.given import suppress, threading


def run_until_done(queue, pool, mail):
    """Run the tasks of `queue` until all have finished or a signal comes. Return the exit code."""

    def tell():
        with suppress(QueueClosed):  # after a signal, when the queue is closed
            queue.join()
        mail.put(None)

    pool.start_processing(queue)
    threading.Thread(target=tell, daemon=True).start()
    number = mail.get()
    pool.shutdown(cancel_futures=True)
    if number is not None:
        return 128 + number
    counts = queue.registry.counts()
    return 0 if counts[TaskStatus.SUCCEEDED] == sum(counts.values()) else 1
