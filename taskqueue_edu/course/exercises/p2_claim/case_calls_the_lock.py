"""A lock is no function."""


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    with lock():
        if path in seen:
            return False
        seen.add(path)
        return True
