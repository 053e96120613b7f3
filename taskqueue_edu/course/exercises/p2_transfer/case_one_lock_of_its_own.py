"""A lock for all moves, which those who look at a line don't take."""

from taskqueue_edu.course.exercises.p2_transfer.given import threading

moving = threading.Lock()


def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    with moving:
        if task not in source.tasks:
            return False
        source.tasks.remove(task)
        target.tasks.append(task)
        return True
