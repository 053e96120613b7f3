"""The list belongs to the class: all instances add to it."""

from taskqueue_edu.course.exercises.p4_intake.given import threading


class Intake:
    """Takes jobs until it is closed; whoever closes it gets those that it took."""

    _jobs = []

    def __init__(self):
        self._lock = threading.Lock()
        self._open = True

    def accept(self, job):
        with self._lock:  # from the question to the deed
            if not self._open:
                return False
            self._jobs.append(job)
            return True

    def close(self):
        with self._lock:
            self._open = False
            jobs, self._jobs = self._jobs, []
            return jobs
