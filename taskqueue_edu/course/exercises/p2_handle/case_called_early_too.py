"""call_back() has no `return`: the function is called before the value is there, too."""

from taskqueue_edu.course.exercises.p2_handle.given import threading


class Handle:
    """A place for the value of one task: a worker sets it, clients wait for it or are called."""

    def __init__(self):
        # Invariant, true whenever the lock is free: `_done` is set if and only if `_value` is there,
        # and then `_functions` is empty.
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._value = None
        self._functions = []

    def set(self, value):
        """Store the value, let those go who wait, and call each function that asked for it."""
        with self._lock:
            self._value = value
            self._done.set()
            functions, self._functions = self._functions, []
        for function in functions:
            function(self)

    def result(self, timeout=None):
        """Wait for the value and return it. Raises TimeoutError after `timeout` seconds."""
        if not self._done.wait(timeout):
            raise TimeoutError
        return self._value

    def call_back(self, function):
        """Call `function(self)` once the value is there: at once, if it is."""
        with self._lock:
            if not self._done.is_set():
                self._functions.append(function)
        function(self)
