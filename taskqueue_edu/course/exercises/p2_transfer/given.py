import threading
import time


class Line:
    """Tasks that wait. Whoever reads or changes `tasks` holds `lock`."""

    def __init__(self, number, *tasks):
        self.number = number
        self.lock = threading.Lock()
        self.tasks = list(tasks)


__all__ = ["Line", "threading", "time"]
