"""Two files of one name in different folders are taken for one."""

from pathlib import Path


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    name = Path(path).name
    with lock:
        if name in seen:
            return False
        seen.add(name)
        return True
