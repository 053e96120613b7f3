"""It waits for the lock for a minute, and then does without it."""


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    has_it = lock.acquire(timeout=60)
    try:
        if path in seen:
            return False
        seen.add(path)
        return True
    finally:
        if has_it:
            lock.release()
