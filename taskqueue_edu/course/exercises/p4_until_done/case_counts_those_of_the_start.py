"""It waits for the tasks that are there at the start, and not for those that they submit."""

from taskqueue_edu.course.exercises.p4_until_done.given import TaskStatus


def run_until_done(queue, pool, mail):
    """Run the tasks of `queue` until all have finished or a signal comes. Return the exit code."""
    ids = [record.id for record in queue.registry.records()]
    for task_id in ids:
        queue.future(task_id).add_done_callback(lambda _: mail.put("one more"))
    pool.start_processing(queue)
    left = len(ids)
    while left:
        letter = mail.get()
        if letter != "one more":
            pool.stop()
            return 128 + letter
        left -= 1
    pool.stop()
    failed = any(queue.status(task_id) is not TaskStatus.SUCCEEDED for task_id in ids)
    return int(failed)
