"""It says that all is done when no task is pending any more: the last ones are stopped."""

import time

from taskqueue_edu.course.exercises.p4_until_done.given import TaskStatus, threading


def run_until_done(queue, pool, mail):
    """Run the tasks of `queue` until all have finished or a signal comes. Return the exit code."""

    def tell():
        while queue.registry.counts()[TaskStatus.PENDING]:
            time.sleep(0.02)
        mail.put(None)

    pool.start_processing(queue)
    threading.Thread(target=tell, daemon=True).start()
    number = mail.get()
    pool.stop()
    if number is not None:
        return 128 + number
    counts = queue.registry.counts()
    return 0 if counts[TaskStatus.SUCCEEDED] == sum(counts.values()) else 1
