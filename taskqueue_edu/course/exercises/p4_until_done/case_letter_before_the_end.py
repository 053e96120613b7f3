"""The letter that says that all is done is in the mailbox before anything is done."""

from taskqueue_edu.course.exercises.p4_until_done.given import TaskStatus


def run_until_done(queue, pool, mail):
    """Run the tasks of `queue` until all have finished or a signal comes. Return the exit code."""
    mail.put(None)
    pool.start_processing(queue)
    number = mail.get()
    if number is not None:
        pool.stop()
        return 128 + number
    pool.shutdown()
    counts = queue.registry.counts()
    return 0 if counts[TaskStatus.SUCCEEDED] == sum(counts.values()) else 1
