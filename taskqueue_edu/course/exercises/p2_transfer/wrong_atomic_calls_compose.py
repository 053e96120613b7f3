"""Two steps, each of them under a lock; in between the task is nowhere."""


def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    with source.lock:
        if task not in source.tasks:
            return False
        source.tasks.remove(task)
    with target.lock:
        target.tasks.append(task)
    return True
