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
        """Return a new task. Raises LookupError, which names the known ones, for no such name."""
        # 1. Refuse what can't be answered.
        ...
        # 2. Make the task: call the class with the fields.
        ...

    def types(self):
        """Return {name: class}, as a mapping. What the caller does with it changes nothing here."""
        ...
