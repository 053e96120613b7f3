# AUTHOR: the right answer, which `reveal` shows.
# AUTHOR: what earlier cells of the notebook define goes into given.py, and is imported from there.
class Basket:
    def __init__(self):
        self._items = []

    def add(self, item):
        self._items.append(item)

    def items(self):
        return list(self._items)  # a new list: ours has no other name
