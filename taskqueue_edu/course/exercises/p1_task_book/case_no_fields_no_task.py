"""A class without fields is returned, not called."""


class TaskBook:
    """Task types by name: each name stands for one class, for good."""

    def __init__(self):
        self._types = {}

    def add(self, name, cls):
        """Enter a class. Raises ValueError if the name stands for another class."""
        # 1. Refuse what would break the promise. (The same class again is no harm.)
        if self._types.get(name, cls) is not cls:
            raise ValueError(f"{name!r} is taken by {self._types[name].__name__}")
        # 2. Keep it.
        self._types[name] = cls

    def make(self, name, *fields):
        if name not in self._types:
            raise LookupError(f"there is no {name!r}; known: {', '.join(self._types)}")
        return self._types[name](*fields) if fields else self._types[name]

    def types(self):
        return dict(self._types)  # a new dict: ours has no other name
