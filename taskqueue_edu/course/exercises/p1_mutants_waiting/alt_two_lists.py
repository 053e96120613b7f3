class Waiting:
    def __init__(self, items=()):
        self._items = list(items)
        self._ranks = [0] * len(self._items)

    def put(self, item, priority=0):
        place = len([rank for rank in self._ranks if rank >= priority])
        self._ranks.insert(place, priority)
        self._items.insert(place, item)

    def get(self):
        del self._ranks[0]
        return self._items.pop(0)

    def items(self):
        return self._items.copy()
