from contextlib import ExitStack


def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    with ExitStack() as locks:
        for line in sorted({source, target}, key=id):
            locks.enter_context(line.lock)
        try:
            source.tasks.remove(task)
        except ValueError:
            return False
        target.tasks.append(task)
        return True
