from taskqueue_edu.course.exercises.p4_until_done.given import TaskStatus

DONE = object()


def run_until_done(queue, pool, mail):
    """Run the tasks of `queue` until all have finished or a signal comes. Return the exit code."""
    pool.start_processing(queue)
    if not queue.registry.when_idle(lambda: mail.put(DONE)):
        mail.put(DONE)  # all is done already
    letter = mail.get()
    pool.stop()
    if letter is not DONE:
        return 128 + letter
    counts = queue.registry.counts()
    return int(counts[TaskStatus.SUCCEEDED] < sum(counts.values()))
