from taskqueue_edu.course.exercises.p2_handle.given import threading


class Handle:
    """A place for the value of one task: a worker sets it, clients wait for it or are called."""

    def __init__(self):
        self._lock = threading.RLock()
        self._event = threading.Event()
        self._functions = []

    def set(self, value):
        """Store the value, let those go who wait, and call each function that asked for it."""
        self._value = value
        with self._lock:
            functions, self._functions = self._functions, None
        self._event.set()
        while functions:
            functions.pop(0)(self)

    def result(self, timeout=None):
        """Wait for the value and return it. Raises TimeoutError after `timeout` seconds."""
        if self._event.wait(timeout) is False:
            raise TimeoutError
        return self._value

    def call_back(self, function):
        """Call `function(self)` once the value is there: at once, if it is."""
        with self._lock:
            late = self._functions is None
            if not late:
                self._functions.append(function)
        if late:
            function(self)
