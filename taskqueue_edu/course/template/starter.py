# AUTHOR: what the learner gets. A body that they write is `...`; at least one is.
class Basket:
    """Holds what was added, in that order."""

    def __init__(self):
        self._items = []

    def add(self, item):
        self._items.append(item)

    def items(self):
        """Return all items. What the caller does with them changes nothing here."""
        ...
