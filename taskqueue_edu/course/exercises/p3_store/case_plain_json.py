"""The lines are plain JSON, and a fact is not."""

import json

from taskqueue_edu.course.exercises.p3_store.given import os


class LineStore:
    """Keeps facts in a file, one a line."""

    json = True  # it wants tasks and results as JSON

    def __init__(self, path):
        self.file = open(path, "ab+")
        self.count = 0  # the facts in the file
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def load(self):
        self.file.seek(0)
        return [tuple(json.loads(line)) for line in self.file]

    def append(self, fact):
        self.count += 1
        self.file.write(json.dumps(fact).encode() + b"\n")
        return self.count

    def flush(self, position):
        self.file.flush()

    def sync(self, position):
        self.file.flush()
        os.fsync(self.file.fileno())

    def close(self):
        self.file.close()
