def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    with lock:
        before = len(seen)
        seen.add(path)
        return len(seen) > before
