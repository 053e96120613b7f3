"""Event and SimpleQueue are safe, each for itself."""

from taskqueue_edu.course.exercises.p4_intake.given import threading
from queue import SimpleQueue


class Intake:
    """Takes jobs until it is closed; whoever closes it gets those that it took."""

    def __init__(self):
        self._closed = threading.Event()
        self._jobs = SimpleQueue()

    def accept(self, job):
        if self._closed.is_set():
            return False
        self._jobs.put(job)
        return True

    def close(self):
        self._closed.set()
        jobs = []
        while not self._jobs.empty():
            jobs.append(self._jobs.get())
        return jobs
