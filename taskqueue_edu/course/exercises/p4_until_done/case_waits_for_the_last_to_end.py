"""It waits for the moment at which the last task ends: without tasks there is none."""

from taskqueue_edu.course.exercises.p4_until_done.given import TaskStatus


def run_until_done(queue, pool, mail):
    queue.registry.when_idle(lambda: mail.put(None))
    pool.start_processing(queue)
    note = mail.get()
    if note is None:
        pool.shutdown()
        counts = queue.registry.counts()
        return 0 if counts[TaskStatus.SUCCEEDED] == sum(counts.values()) else 1
    pool.stop()
    return 128 + note
