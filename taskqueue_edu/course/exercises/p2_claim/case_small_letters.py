"""Two paths that differ in a capital letter are taken for one."""


def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    with lock:
        if path.lower() in seen:
            return False
        seen.add(path.lower())
        return True
