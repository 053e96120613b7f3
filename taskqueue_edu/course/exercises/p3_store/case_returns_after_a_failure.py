"""After a failed fsync, sync does nothing, and says nothing."""

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

    def load(self):
        self.file.seek(0)
        found, size = facts_of(self.file.read())
        self.file.truncate(size)
        self.count = len(found)
        return found

    def append(self, fact):
        self.file.write(line_of(self.count + 1, fact))
        self.count += 1
        return self.count

    def flush(self, position):
        self.file.flush()

    def sync(self, position):
        with self.lock:
            if self.failed:
                return
            try:
                self.file.flush()
                os.fsync(self.file.fileno())
                sync_folder(self.path.parent)
            except BaseException:
                self.failed = True
                raise

    def close(self):
        self.file.close()
