"""It asks for a set that holds `succeeded`, and there is none if there are no tasks."""

from taskqueue_edu.course.exercises.p4_until_done.given import QueueClosed, suppress, threading


def run_until_done(queue, pool, mail):
    """Run the tasks of `queue` until all have finished or a signal comes. Return the exit code."""

    def tell():
        with suppress(QueueClosed):
            queue.join()
            mail.put(None)

    pool.start_processing(queue)
    threading.Thread(target=tell, daemon=True).start()
    number = mail.get()
    pool.stop()
    if number is not None:
        return 128 + number
    return 0 if {record.status for record in queue.registry.records()} == {"succeeded"} else 1
