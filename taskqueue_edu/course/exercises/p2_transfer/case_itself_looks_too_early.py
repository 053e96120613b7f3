"""From a line to itself it looks first, and takes the lock then."""


def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    if source is target:
        found = task in source.tasks
        with source.lock:
            return found
    first, second = sorted((source, target), key=lambda line: line.number)
    with first.lock, second.lock:
        if task not in source.tasks:
            return False
        source.tasks.remove(task)
        target.tasks.append(task)
        return True
