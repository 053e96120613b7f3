"""One thread waits at the mailbox and another for the end; the main thread waits for an Event."""

from taskqueue_edu.course.exercises.p4_until_done.given import QueueClosed, TaskStatus
from taskqueue_edu.course.exercises.p4_until_done.given import suppress, threading


def run_until_done(queue, pool, mail):
    """Run the tasks of `queue` until all have finished or a signal comes. Return the exit code."""
    woke, got = threading.Event(), []

    def listen():
        got.append(mail.get())
        woke.set()

    def tell():
        with suppress(QueueClosed):
            queue.join()
        woke.set()

    pool.start_processing(queue)
    for target in (listen, tell):
        threading.Thread(target=target, daemon=True).start()
    woke.wait()
    pool.stop()
    if got:
        return 128 + got[0]
    counts = queue.registry.counts()
    return 0 if counts[TaskStatus.SUCCEEDED] == sum(counts.values()) else 1
