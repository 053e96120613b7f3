"""It waits for the lock for five minutes, and raises an error then."""


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    if not lock.acquire(timeout=300):
        raise RuntimeError("no lock")
    try:
        if path in seen:
            return False
        seen.add(path)
        return True
    finally:
        lock.release()
