from taskqueue_edu.course.exercises.p2_transfer.given import threading

moving = threading.Lock()


def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    if source is target:
        with source.lock:
            return task in source.tasks
    with moving, source.lock, target.lock:  # nobody else has one and asks for the other
        if task not in source.tasks:
            return False
        source.tasks.remove(task)
        target.tasks.append(task)
        return True
