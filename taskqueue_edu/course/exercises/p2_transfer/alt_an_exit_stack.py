from contextlib import ExitStack


def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    with ExitStack() as locked:
        lines = {line.number: line for line in (source, target)}
        for number in sorted(lines):
            locked.enter_context(lines[number].lock)
        try:
            source.tasks.remove(task)
        except ValueError:
            return False
        target.tasks.append(task)
        return True
