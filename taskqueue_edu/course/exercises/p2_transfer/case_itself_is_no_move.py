"""A task that is moved to where it is was not there, it says."""


def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    if source is target:
        return False
    first, second = sorted((source, target), key=lambda line: line.number)
    with first.lock, second.lock:
        if task not in source.tasks:
            return False
        source.tasks.remove(task)
        target.tasks.append(task)
        return True
