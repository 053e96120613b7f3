"""Its thread waits for the tasks that it finds when it starts, one by one."""

from taskqueue_edu.course.exercises.p4_until_done.given import QueueClosed, TaskStatus
from taskqueue_edu.course.exercises.p4_until_done.given import suppress, threading


def run_until_done(queue, pool, mail):
    """Run the tasks of `queue` until all have finished or a signal comes. Return the exit code."""

    def tell():
        for record in list(queue.registry.records()):
            try:
                queue.wait_for_result(record.id)
            except QueueClosed:
                return
            except Exception:  # the code below says so
                continue
        mail.put(None)

    pool.start_processing(queue)
    threading.Thread(target=tell, daemon=True).start()
    number = mail.get()
    pool.stop()
    if number is not None:
        return 128 + number
    counts = queue.registry.counts()
    return 0 if counts[TaskStatus.SUCCEEDED] == sum(counts.values()) else 1
