"""So that it is never nowhere it is in both lines for a moment."""


def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    if source is target:
        with source.lock:
            return task in source.tasks
    with source.lock:
        if task not in source.tasks:
            return False
    with target.lock:
        target.tasks.append(task)
    with source.lock:
        source.tasks.remove(task)
    return True
