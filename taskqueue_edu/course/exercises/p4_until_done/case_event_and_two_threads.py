"""The main thread waits for an event, and two daemons wait for the end and for mail."""

from taskqueue_edu.course.exercises.p4_until_done.given import QueueClosed, TaskStatus
from taskqueue_edu.course.exercises.p4_until_done.given import suppress, threading


def run_until_done(queue, pool, mail):
    """Run the tasks of `queue` until all have finished or a signal comes. Return the exit code."""
    over, told = threading.Event(), []

    def listen():
        told.append(mail.get())
        over.set()

    def wait_for_the_end():
        with suppress(QueueClosed):
            queue.join()
            over.set()

    pool.start_processing(queue)
    threading.Thread(target=listen, daemon=True).start()
    threading.Thread(target=wait_for_the_end, daemon=True).start()
    over.wait()
    pool.stop()
    if told:
        return 128 + told[0]
    counts = queue.registry.counts()
    return 0 if counts[TaskStatus.SUCCEEDED] == sum(counts.values()) else 1
