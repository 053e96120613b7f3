"""A cache that forgets what was not used for the longest time."""

from collections import OrderedDict


class LRUCache:
    """Keeps at most `size` values.

    >>> cache = LRUCache(2)
    >>> cache.put("a", 1)
    >>> cache.put("b", 2)
    >>> cache.get("a")
    1
    >>> cache.put("c", 3)
    >>> cache.get("b", "forgotten")
    'forgotten'
    >>> len(cache)
    2
    """

    def __init__(self, size):
        self.size = size
        self._values = OrderedDict()

    def get(self, key, default=None):
        if key not in self._values:
            return default
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key, value):
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self.size:
            self._values.popitem(last=False)

    def __len__(self):
        return len(self._values)
