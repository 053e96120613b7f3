def claim(path, seen, lock):
    """Return True to one caller for each path, False to all others."""
    lock.acquire()
    try:
        mine = path not in seen
        if mine:
            seen.add(path)
    finally:
        lock.release()
    return mine
