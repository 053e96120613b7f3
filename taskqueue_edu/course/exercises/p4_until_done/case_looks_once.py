"""It looks for a signal for a moment, and then drains: no later signal is heard."""

from taskqueue_edu.course.exercises.p4_until_done.given import TaskStatus


def run_until_done(queue, pool, mail):
    """Run the tasks of `queue` until all have finished or a signal comes. Return the exit code."""
    pool.start_processing(queue)
    try:
        number = mail.get(timeout=0.3)
    except Exception:
        pool.shutdown()
        counts = queue.registry.counts()
        return 0 if counts[TaskStatus.SUCCEEDED] == sum(counts.values()) else 1
    pool.stop()
    return 128 + number
