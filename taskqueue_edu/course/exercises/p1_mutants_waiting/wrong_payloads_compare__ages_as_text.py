"""Ages are compared as text: the tenth item overtakes the second."""

import heapq


class Waiting:
    def __init__(self, items=()):
        self._heap = []
        self._count = 0
        for item in items:
            self.put(item)

    def put(self, item, priority=0):
        self._count += 1
        heapq.heappush(self._heap, (-priority, str(self._count), item))

    def get(self):
        return heapq.heappop(self._heap)[-1]

    def items(self):
        return [entry[-1] for entry in sorted(self._heap, key=lambda entry: entry[:2])]
