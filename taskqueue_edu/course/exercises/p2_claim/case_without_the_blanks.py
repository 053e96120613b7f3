"""It takes the blanks around a path off."""


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    path = path.strip()
    with lock:
        if path in seen:
            return False
        seen.add(path)
        return True
