from collections import deque


class Waiting:
    def __init__(self, items=()):
        self._lines = {0: deque(items)}

    def put(self, item, priority=0):
        self._lines.setdefault(priority, deque()).append(item)

    def get(self):
        priority = max((p for p, line in self._lines.items() if line), default=None)
        # Nothing is promised of an empty one: here it raises no error.
        return None if priority is None else self._lines[priority].popleft()

    def items(self):
        return [item for p in sorted(self._lines, reverse=True) for item in self._lines[p]]
