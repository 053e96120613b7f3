"""It takes out all tasks that are equal to it, and puts one in."""


def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    if source is target:
        with source.lock:
            return task in source.tasks
    first, second = sorted((source, target), key=lambda line: line.number)
    with first.lock, second.lock:
        if task not in source.tasks:
            return False
        source.tasks = [other for other in source.tasks if other != task]
        target.tasks.append(task)
        return True
