"""Both steps are locked, and the lock is free between them."""


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    with lock:
        known = path in seen
    if known:
        return False
    with lock:
        seen.add(path)
    return True
