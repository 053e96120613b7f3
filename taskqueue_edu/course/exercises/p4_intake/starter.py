from taskqueue_edu.course.exercises.p4_intake.given import threading


class Intake:
    """Takes jobs until it is closed; whoever closes it gets those that it took."""

    def __init__(self):
        self._lock = threading.Lock()
        self._open = True
        self._jobs = []

    def accept(self, job):
        """Take a job and return True; False if it is closed: then the job is not taken."""
        ...

    def close(self):
        """Take no more jobs. Return a list of those that were taken; a second call returns []."""
        ...
