"""A flag says that somebody is at it: two see that it is down, and both go on."""

import time


class Tally:
    """What the workers have indexed. Many threads call both methods."""

    def __init__(self):
        # Invariant, true whenever nobody is busy: `lines` is the sum of the lines of exactly `files` files.
        self.files = self.lines = 0
        self.busy = False

    def add(self, lines):
        """Count one more file, with so many lines."""
        while self.busy:
            time.sleep(0.01)
        self.busy = True
        self.files += 1
        self.lines += lines
        self.busy = False

    def report(self):
        """Return (files, lines) as they were together at one moment."""
        while self.busy:
            time.sleep(0.01)
        return self.files, self.lines
