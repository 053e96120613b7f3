from taskqueue_edu.course.exercises.p4_until_done.given import TaskStatus


def run_until_done(queue, pool, mail):
    pool.start_processing(queue)
    queue.join()
    pool.stop()
    if not mail.empty():
        return 128 + mail.get()
    counts = queue.registry.counts()
    return 0 if counts[TaskStatus.SUCCEEDED] == sum(counts.values()) else 1
