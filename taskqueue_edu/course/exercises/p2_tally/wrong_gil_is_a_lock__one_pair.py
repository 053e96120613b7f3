"""Both numbers are stored in one line, which is read from before."""


class Tally:
    """What the workers have indexed. Many threads call both methods."""

    def __init__(self):
        self.both = (0, 0)

    def add(self, lines):
        """Count one more file, with so many lines."""
        self.both = (self.both[0] + 1, self.both[1] + lines)

    def report(self):
        """Return (files, lines) as they were together at one moment."""
        return self.both
