def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    if path in seen:  # it never leaves the set again, so this answer holds
        return False
    with lock:
        if path in seen:
            return False
        seen.add(path)
        return True
