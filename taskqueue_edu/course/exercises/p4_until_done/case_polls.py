"""It looks ten times a second, and waits nowhere."""

from taskqueue_edu.course.exercises.p4_until_done.given import TaskStatus, suppress


def run_until_done(queue, pool, mail):
    """Run the tasks of `queue` until all have finished or a signal comes. Return the exit code."""
    pool.start_processing(queue)
    done = False
    while not done:
        with suppress(TimeoutError):
            queue.join(0.1)
            done = True
        if not mail.empty():
            pool.stop()
            return 128 + mail.get()
    pool.stop()
    counts = queue.registry.counts()
    return 0 if counts[TaskStatus.SUCCEEDED] == sum(counts.values()) else 1
