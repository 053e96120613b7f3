"""Without a lock: accept() adds, asks again, and takes the job back. A second close() may find it."""


class Intake:
    """Takes jobs until it is closed; whoever closes it gets those that it took."""

    def __init__(self):
        self._open = True
        self._jobs = []

    def accept(self, job):
        if not self._open:
            return False
        self._jobs.append(job)
        if self._open:
            return True
        try:
            self._jobs.remove(job)
        except ValueError:
            return True
        return False

    def close(self):
        self._open = False
        jobs = []
        while True:
            try:
                jobs.append(self._jobs.pop())
            except IndexError:
                return jobs
