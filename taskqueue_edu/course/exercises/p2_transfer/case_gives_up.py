"""It waits for the second lock for a while, and says then that the task is not there."""


def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    if source is target:
        with source.lock:
            return task in source.tasks
    with source.lock:
        if not target.lock.acquire(timeout=5):
            return False
        try:
            if task not in source.tasks:
                return False
            source.tasks.remove(task)
            target.tasks.append(task)
            return True
        finally:
            target.lock.release()
