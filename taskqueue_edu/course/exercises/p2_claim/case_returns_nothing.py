"""It claims, and tells nobody."""


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    with lock:
        if path not in seen:
            seen.add(path)
