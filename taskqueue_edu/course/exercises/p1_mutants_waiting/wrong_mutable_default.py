"""Two that were made without items share what is put into them."""

import heapq


class Waiting:
    def __init__(self, items=(), heap=[]):
        self._heap = heap
        self._count = len(heap)
        for item in items:
            self.put(item)

    def put(self, item, priority=0):
        self._count += 1
        heapq.heappush(self._heap, (-priority, self._count, item))

    def get(self):
        return heapq.heappop(self._heap)[-1]

    def items(self):
        return [entry[-1] for entry in sorted(self._heap, key=lambda entry: entry[:2])]
