"""The lock is right, but `seen` gets something else than the path."""

import os


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    path = os.path.realpath(path)
    with lock:
        if path in seen:
            return False
        seen.add(path)
        return True
