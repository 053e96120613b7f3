"""The number of a fact is counted before its line is there, and sync looks at that number."""

from taskqueue_edu.course.exercises.p3_store.given import facts_of, line_of, os, threading
from taskqueue_edu.files import sync_folder


class LineStore:
    json = True

    def __init__(self, path):
        self.path = path
        self.file = open(path, "ab+")
        self.count = 0
        self.lock = threading.Lock()
        self.failed = False
        self.synced = 0

    def load(self):
        self.file.seek(0)
        found, size = facts_of(self.file.read())
        self.file.truncate(size)
        self.count = len(found)
        return found

    def append(self, fact):
        self.count += 1
        self.file.write(line_of(self.count, fact))
        return self.count

    def flush(self, position):
        self.file.flush()

    def sync(self, position):
        with self.lock:
            if position <= self.synced:
                return
            if self.failed:
                raise OSError("an fsync has failed")
            number = self.count
            try:
                self.file.flush()
                os.fsync(self.file.fileno())
                sync_folder(self.path.parent)
            except BaseException:
                self.failed = True
                raise
            self.synced = number

    def close(self):
        self.file.close()
