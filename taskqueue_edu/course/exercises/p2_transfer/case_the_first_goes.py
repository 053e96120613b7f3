"""It moves the first task of the line, whichever was asked for."""


def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    if source is target:
        with source.lock:
            return task in source.tasks
    first, second = sorted((source, target), key=lambda line: line.number)
    with first.lock, second.lock:
        if task not in source.tasks:
            return False
        target.tasks.append(source.tasks.pop(0))
        return True
