"""A thread looks once a second; after a signal it ends by itself, a second later at most."""

from taskqueue_edu.course.exercises.p4_until_done.given import TaskStatus, threading


def run_until_done(queue, pool, mail):
    """Run the tasks of `queue` until all have finished or a signal comes. Return the exit code."""
    over = threading.Event()

    def look():
        clock = threading.Event()  # nobody sets it: it is a sleep
        while not over.is_set():
            counts = queue.registry.counts()
            if not counts[TaskStatus.PENDING] + counts[TaskStatus.RUNNING]:
                return mail.put(None)
            clock.wait(1)

    pool.start_processing(queue)
    threading.Thread(target=look).start()
    number = mail.get()
    over.set()
    pool.stop()
    if number is not None:
        return 128 + number
    counts = queue.registry.counts()
    return 0 if counts[TaskStatus.SUCCEEDED] == sum(counts.values()) else 1
