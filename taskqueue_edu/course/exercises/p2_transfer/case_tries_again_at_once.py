"""It gives back the first lock and tries again at once: two may do so for ever."""


def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    while True:
        source.lock.acquire()
        if source is target or target.lock.acquire(blocking=False):
            break
        source.lock.release()
    try:
        if task not in source.tasks:
            return False
        source.tasks.remove(task)
        target.tasks.append(task)
        return True
    finally:
        source.lock.release()
        if source is not target:
            target.lock.release()
