"""A return before release() keeps the lock."""


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    lock.acquire()
    if path in seen:
        return False
    seen.add(path)
    lock.release()
    return True
