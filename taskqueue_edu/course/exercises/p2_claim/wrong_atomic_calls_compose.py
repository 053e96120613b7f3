"""It asks without the lock: the answer is old when the path is added."""


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    if path in seen:
        return False
    with lock:
        seen.add(path)
    return True
