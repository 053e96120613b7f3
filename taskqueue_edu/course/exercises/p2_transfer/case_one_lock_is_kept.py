"""A return before release() keeps the second lock."""


def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    if source is target:
        with source.lock:
            return task in source.tasks
    first, second = sorted((source, target), key=lambda line: line.number)
    with first.lock:
        second.lock.acquire()
        if task not in source.tasks:
            return False
        source.tasks.remove(task)
        target.tasks.append(task)
        second.lock.release()
        return True
