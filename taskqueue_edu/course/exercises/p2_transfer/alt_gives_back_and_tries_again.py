def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    if source is target:
        with source.lock:
            return task in source.tasks
    one, other = source, target
    while True:
        with one.lock:
            if other.lock.acquire(blocking=False):
                try:
                    if task not in source.tasks:
                        return False
                    source.tasks.remove(task)
                    target.tasks.append(task)
                    return True
                finally:
                    other.lock.release()
        one, other = other, one  # wait for the one that was taken, holding nothing
