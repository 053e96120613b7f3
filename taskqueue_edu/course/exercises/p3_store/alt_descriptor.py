import fcntl

from taskqueue_edu.course.exercises.p3_store.given import facts_of, line_of, os, threading


class LineStore:
    """Keeps facts in a file, one a line."""

    json = True  # it wants tasks and results as JSON

    def __init__(self, path):
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # no second process writes to it
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        self.count = 0
        self.failed = False
        self.lock = threading.Lock()  # of a failed fsync the kernel tells one caller only

    def load(self):
        found, end = facts_of(self.path.read_bytes())
        os.ftruncate(self.fd, end)
        self.count = len(found)
        yield from found

    def append(self, fact):
        self.count += 1
        line = line_of(self.count, fact)
        while line:
            line = line[os.write(self.fd, line) :]
        return self.count

    def flush(self, position):
        pass  # the kernel has it already

    def sync(self, position):
        with self.lock:
            if self.failed:
                raise OSError("a sync has failed")
            try:
                os.fsync(self.fd)
            except BaseException:
                self.failed = True
                raise

    def close(self):
        os.close(self.fd)
