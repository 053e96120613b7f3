from taskqueue_edu.course.exercises.p4_intake.given import threading


class Intake:
    """Takes jobs until it is closed; whoever closes it gets those that it took."""

    def __init__(self):
        self._lock = threading.Lock()
        self._open = True
        self._jobs = []

    def accept(self, job):
        with self._lock:
            taken = self._open
            if taken:
                self._jobs.append(job)
        return taken

    def close(self):
        with self._lock:
            self._open = False
        jobs = []  # from here on nobody adds a job, but somebody else may close
        with self._lock:
            jobs, self._jobs = self._jobs, jobs
        return jobs
