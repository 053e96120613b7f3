"""A path counts as claimed if it is a part of one that was."""

def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    with lock:
        if any(path in other for other in seen):
            return False
        seen.add(path)
        return True
