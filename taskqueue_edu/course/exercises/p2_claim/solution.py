def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    with lock:  # from the look to the act, for all who share `seen`
        if path in seen:
            return False
        seen.add(path)
        return True
