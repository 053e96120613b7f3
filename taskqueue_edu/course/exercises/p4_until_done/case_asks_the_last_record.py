"""It waits for the task that was submitted last: an empty queue has none."""

from taskqueue_edu.course.exercises.p4_until_done.given import QueueClosed, TaskStatus
from taskqueue_edu.course.exercises.p4_until_done.given import suppress, threading


def run_until_done(queue, pool, mail):
    """Run the tasks of `queue` until all have finished or a signal comes. Return the exit code."""

    def tell():
        with suppress(QueueClosed):  # after a signal, when the queue is closed
            queue.wait_for_result(queue.registry.records()[-1].id)
        mail.put(None)

    queue.registry.records()[-1]  # the thread below waits for it
    pool.start_processing(queue)
    threading.Thread(target=tell, daemon=True).start()
    number = mail.get()
    pool.stop()
    if number is not None:
        return 128 + number
    counts = queue.registry.counts()
    return 0 if counts[TaskStatus.SUCCEEDED] == sum(counts.values()) else 1
