"""Tell those who want to know: a table from event names to functions."""

from collections import defaultdict


class Emitter:
    """Calls every listener of an event, in the order in which they came.

    >>> door = Emitter()
    >>> stop = door.on("open", lambda who: print("hello,", who))
    >>> door.emit("open", "Ada")
    hello, Ada
    1
    >>> stop()
    >>> door.emit("open", "Bob")
    0
    """

    def __init__(self):
        self._listeners = defaultdict(list)

    def on(self, event, listener):
        """Add a listener; return a function that removes it again."""
        self._listeners[event].append(listener)

        def stop():
            self._listeners[event].remove(listener)

        return stop

    def once(self, event, listener):
        """Add a listener that hears the event a single time.

        >>> bell = Emitter()
        >>> bell.once("ring", lambda: print("ding"))
        >>> bell.emit("ring"), bell.emit("ring")
        ding
        (1, 0)
        """

        def first(*values):
            stop()
            listener(*values)

        stop = self.on(event, first)

    def emit(self, event, *values):
        """Call the listeners; return how many there were."""
        # A copy, since a listener may add or remove listeners while it runs.
        listeners = list(self._listeners[event])
        for listener in listeners:
            listener(*values)
        return len(listeners)
