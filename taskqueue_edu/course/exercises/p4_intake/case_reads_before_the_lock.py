"""The new list is made before the lock is taken: another job may come between."""

from taskqueue_edu.course.exercises.p4_intake.given import threading


class Intake:
    """Takes jobs until it is closed; whoever closes it gets those that it took."""

    def __init__(self):
        self._lock = threading.Lock()
        self._open = True
        self._jobs = []

    def accept(self, job):
        jobs = [*self._jobs, job]
        with self._lock:
            if not self._open:
                return False
            self._jobs = jobs
            return True

    def close(self):
        with self._lock:
            self._open = False
            jobs, self._jobs = self._jobs, []
            return jobs
