"""Each call makes a lock of its own."""

from taskqueue_edu.course.exercises.p2_claim.given import threading


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    with threading.Lock():
        if path in seen:
            return False
        seen.add(path)
        return True
