from taskqueue_edu.course.exercises.p2_transfer.given import time


def move(task, source, target):
    """Move a task from one Line to another, in one step. Return whether it was in `source`."""
    while True:
        with source.lock:
            if source is target:
                return task in source.tasks
            if target.lock.acquire(timeout=1):
                try:
                    if task not in source.tasks:
                        return False
                    source.tasks.remove(task)
                    target.tasks.append(task)
                    return True
                finally:
                    target.lock.release()
        time.sleep(0.1)  # holding nothing: the other one gets on
