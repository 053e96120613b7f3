"""It waits for the second lock while it has the first, gives up, and does the same again."""


def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    if source is target:
        with source.lock:
            return task in source.tasks
    while True:
        with source.lock:
            if target.lock.acquire(timeout=1):
                try:
                    if task not in source.tasks:
                        return False
                    source.tasks.remove(task)
                    target.tasks.append(task)
                    return True
                finally:
                    target.lock.release()
