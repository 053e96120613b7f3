# AUTHOR: another right answer, in another style. The file's name says in which: alt_a_tuple.
class Basket:
    def __init__(self):
        self._items = []

    def add(self, item):
        self._items.append(item)

    def items(self):
        return tuple(self._items)
