class Tally:
    """What the workers have indexed. Many threads call both methods."""

    def __init__(self):
        self.counts = []

    def add(self, lines):
        """Count one more file, with so many lines."""
        self.counts.append(lines)  # one step in CPython

    def report(self):
        """Return (files, lines) as they were together at one moment."""
        counts = list(self.counts)  # one step, too: what is added later is not in the copy
        return len(counts), sum(counts)
