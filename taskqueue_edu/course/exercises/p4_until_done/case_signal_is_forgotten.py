"""A signal counts only if the tasks did not succeed in spite of it."""

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
    pool.stop()
    counts = queue.registry.counts()
    if counts[TaskStatus.SUCCEEDED] == sum(counts.values()):
        return 0
    return 1 if number is None else 128 + number
