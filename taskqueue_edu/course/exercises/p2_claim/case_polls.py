"""It looks a hundred times a second whether the lock is free."""

from taskqueue_edu.course.exercises.p2_claim.given import time


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    while not lock.acquire(blocking=False):
        time.sleep(0.01)
    try:
        is_new = path not in seen
        seen.add(path)
        return is_new
    finally:
        lock.release()
