class LineStore:
    """Keeps facts in a file, one a line."""

    json = True  # it wants tasks and results as JSON

    def __init__(self, path):
        self.file = open(path, "ab+")  # reads anywhere, writes at the end
        self.count = 0  # the facts in the file

    def load(self):
        """Return the facts in the file, oldest first. A torn last line is cut off."""
        ...

    def append(self, fact):
        """Add a fact; return its number."""
        ...

    def flush(self, position):
        """Return when the kernel has the facts up to that number."""
        ...

    def sync(self, position):
        """Return when the facts up to that number are on the disk, and their file has its name."""
        ...

    def close(self):
        """Close the file."""
        ...
