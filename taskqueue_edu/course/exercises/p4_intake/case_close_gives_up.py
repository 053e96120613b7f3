"""close() does not wait for the lock: then it returns nothing, and leaves it open."""

from taskqueue_edu.course.exercises.p4_intake.given import threading


class Intake:
    """Takes jobs until it is closed; whoever closes it gets those that it took."""

    def __init__(self):
        self._lock = threading.Lock()
        self._open = True
        self._jobs = []

    def accept(self, job):
        with self._lock:  # from the question to the deed
            if not self._open:
                return False
            self._jobs.append(job)
            return True

    def close(self):
        if not self._lock.acquire(blocking=False):
            return []
        self._open = False
        jobs, self._jobs = self._jobs, []
        self._lock.release()
        return jobs
