"""Of equal priorities other than 0, the smallest item comes first."""

import heapq


class Waiting:
    def __init__(self, items=()):
        self._heap = []
        self._count = 0
        for item in items:
            self.put(item)

    def put(self, item, priority=0):
        self._count += 1
        age = self._count if priority == 0 else 0
        heapq.heappush(self._heap, (-priority, age, item))

    def get(self):
        return heapq.heappop(self._heap)[-1]

    def items(self):
        return [entry[-1] for entry in sorted(self._heap)]
