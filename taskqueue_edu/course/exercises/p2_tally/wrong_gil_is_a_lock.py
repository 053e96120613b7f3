"""No lock at all: one thread runs at a time, doesn't it?"""


class Tally:
    """What the workers have indexed. Many threads call both methods."""

    def __init__(self):
        self.files = 0
        self.lines = 0

    def add(self, lines):
        """Count one more file, with so many lines."""
        self.files += 1
        self.lines += lines

    def report(self):
        """Return (files, lines) as they were together at one moment."""
        return self.files, self.lines
