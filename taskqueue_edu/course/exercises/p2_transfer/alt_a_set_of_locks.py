from contextlib import ExitStack


def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    with ExitStack() as held:
        for lock in sorted({source.lock, target.lock}, key=id):
            held.enter_context(lock)
        found = task in source.tasks
        if found:
            source.tasks.remove(task)
            target.tasks.append(task)
        return found
