"""A second close() empties the list that the first has returned."""

from taskqueue_edu.course.exercises.p4_intake.given import threading


class Intake:
    """Takes jobs until it is closed; whoever closes it gets those that it took."""

    def __init__(self):
        self._lock = threading.Lock()
        self._open = True
        self._jobs = []

    def accept(self, job):
        with self._lock:
            if self._open:
                self._jobs.append(job)
            return self._open

    def close(self):
        with self._lock:
            if not self._open:
                self._jobs.clear()
            self._open = False
            return self._jobs
