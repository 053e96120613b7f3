"""It looks under the locks, changes copies without them, and puts those back under the locks."""


def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    if source is target:
        with source.lock:
            return task in source.tasks
    first, second = sorted((source, target), key=lambda line: line.number)
    with first.lock, second.lock:
        here, there = list(source.tasks), list(target.tasks)
    if task not in here:
        return False
    here.remove(task)
    there.append(task)
    with first.lock, second.lock:
        source.tasks, target.tasks = here, there
    return True
