"""The lock is one of asyncio."""

import asyncio


class Tally:
    """What the workers have indexed. Many threads call both methods."""

    def __init__(self):
        self.files = self.lines = 0
        self.lock = asyncio.Lock()

    def add(self, lines):
        """Count one more file, with so many lines."""
        with self.lock:
            self.files += 1
            self.lines += lines

    def report(self):
        """Return (files, lines) as they were together at one moment."""
        with self.lock:
            return self.files, self.lines
