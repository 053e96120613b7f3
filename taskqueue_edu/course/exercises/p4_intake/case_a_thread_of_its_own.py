"""A thread of its own does all of the work; nobody ends it."""

from concurrent.futures import ThreadPoolExecutor


class Intake:
    """Takes jobs until it is closed; whoever closes it gets those that it took."""

    def __init__(self):
        self._actor = ThreadPoolExecutor(1)
        self._open = True
        self._jobs = []

    def accept(self, job):
        return self._actor.submit(self._accept, job).result()

    def close(self):
        return self._actor.submit(self._close).result()

    def _accept(self, job):
        if self._open:
            self._jobs.append(job)
        return self._open

    def _close(self):
        self._open = False
        jobs, self._jobs = self._jobs, []
        return jobs
