"""All calls of claim() share a lock, but not the one that everybody else has."""

from taskqueue_edu.course.exercises.p2_claim.given import threading

mine = threading.Lock()


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    with mine:
        if path in seen:
            return False
        seen.add(path)
        return True
