import threading


class SourceFile:
    """What is known of one file."""

    def __init__(self, path):
        self.path = path


__all__ = ["SourceFile", "threading"]
