"""It waits for the lock for a second, and says False then."""


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    if lock.acquire(timeout=1):
        try:
            if path not in seen:
                seen.add(path)
                return True
        finally:
            lock.release()
    return False
