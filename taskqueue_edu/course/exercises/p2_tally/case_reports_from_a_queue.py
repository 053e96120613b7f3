"""report() empties a queue: it looks whether there is something, and takes it then."""

from queue import Queue


class Tally:
    """What the workers have indexed. Many threads call both methods."""

    def __init__(self):
        self._added = Queue()
        self.files = 0
        self.lines = 0

    def add(self, lines):
        """Count one more file, with so many lines."""
        self._added.put(lines)

    def report(self):
        """Return (files, lines) as they were together at one moment."""
        while not self._added.empty():
            self.lines += self._added.get()
            self.files += 1
        return self.files, self.lines
