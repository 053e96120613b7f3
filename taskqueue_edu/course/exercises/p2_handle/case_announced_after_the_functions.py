"""Who asks now gets the value; who sleeps is woken when the functions have returned."""

from taskqueue_edu.course.exercises.p2_handle.given import threading


class Handle:
    """A place for the value of one task: a worker sets it, clients wait for it or are called."""

    def __init__(self):
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._ready = False
        self._value = None
        self._functions = []

    def set(self, value):
        """Store the value, let those go who wait, and call each function that asked for it."""
        with self._lock:
            self._value = value
            self._ready = True
            functions, self._functions = self._functions, []
        for function in functions:
            function(self)
        self._done.set()

    def result(self, timeout=None):
        """Wait for the value and return it. Raises TimeoutError after `timeout` seconds."""
        if self._ready or self._done.wait(timeout):
            return self._value
        raise TimeoutError

    def call_back(self, function):
        """Call `function(self)` once the value is there: at once, if it is."""
        with self._lock:
            if not self._ready:
                self._functions.append(function)
                return
        function(self)
