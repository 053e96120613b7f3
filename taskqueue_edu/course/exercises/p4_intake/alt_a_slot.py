"""Whoever has what lies in the slot has it alone: a queue of one item is the lock."""

from queue import Queue


class Intake:
    """Takes jobs until it is closed; whoever closes it gets those that it took."""

    def __init__(self):
        self._slot = Queue(maxsize=1)
        self._slot.put((True, ()))

    def accept(self, job):
        is_open, jobs = self._slot.get()
        self._slot.put((is_open, (*jobs, job) if is_open else jobs))
        return is_open

    def close(self):
        _, jobs = self._slot.get()
        self._slot.put((False, ()))
        return list(jobs)
