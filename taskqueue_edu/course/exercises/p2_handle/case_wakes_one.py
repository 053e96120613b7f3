"""notify() wakes one of those who wait for the value."""

from taskqueue_edu.course.exercises.p2_handle.given import threading


class Handle:
    """A place for the value of one task: a worker sets it, clients wait for it or are called."""

    def __init__(self):
        self._changed = threading.Condition()
        self._values = []
        self._functions = []

    def set(self, value):
        """Store the value, let those go who wait, and call each function that asked for it."""
        with self._changed:
            self._values.append(value)
            self._changed.notify()
            functions = list(self._functions)
        for function in functions:
            function(self)

    def result(self, timeout=None):
        """Wait for the value and return it. Raises TimeoutError after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._values, timeout):
                raise TimeoutError(f"no value after {timeout} s")
            return self._values[0]

    def call_back(self, function):
        """Call `function(self)` once the value is there: at once, if it is."""
        with self._changed:
            there = bool(self._values)
            if not there:
                self._functions.append(function)
        if there:
            function(self)
