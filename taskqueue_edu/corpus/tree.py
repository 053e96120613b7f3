"""A sorted set as a binary search tree."""


class SortedSet:
    """
    >>> words = SortedSet(["pear", "apple", "fig", "pear"])
    >>> list(words)
    ['apple', 'fig', 'pear']
    >>> "fig" in words, "plum" in words
    (True, False)
    """

    class Node:
        """One item, with all smaller ones to the left and all larger ones to the right."""

        __slots__ = ("item", "left", "right")

        def __init__(self, item):
            self.item = item
            self.left = None
            self.right = None

        def walk(self):
            if self.left:
                yield from self.left.walk()
            yield self.item
            if self.right:
                yield from self.right.walk()

    def __init__(self, items=()):
        self._root = None
        for item in items:
            self.add(item)

    def add(self, item):
        if self._root is None:
            self._root = self.Node(item)
            return
        node = self._root
        while item != node.item:
            side = "left" if item < node.item else "right"
            child = getattr(node, side)
            if child is None:
                child = self.Node(item)
                setattr(node, side, child)
            node = child

    def __contains__(self, item):
        node = self._root
        while node is not None and node.item != item:
            node = node.left if item < node.item else node.right
        return node is not None

    def __iter__(self):
        if self._root is not None:
            yield from self._root.walk()
