"""It claims the path in another form: ./a is claimed as a."""

from pathlib import Path


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    path = str(Path(path))
    with lock:
        if path in seen:
            return False
        seen.add(path)
        return True
