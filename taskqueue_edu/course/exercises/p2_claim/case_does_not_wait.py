"""If somebody else has the lock, it says False, whatever the path."""


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    if not lock.acquire(blocking=False):
        return False
    try:
        if path in seen:
            return False
        seen.add(path)
        return True
    finally:
        lock.release()
