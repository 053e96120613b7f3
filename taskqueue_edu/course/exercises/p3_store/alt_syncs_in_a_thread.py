from concurrent.futures import ThreadPoolExecutor

from taskqueue_edu.course.exercises.p3_store.given import facts_of, line_of, os


class LineStore:
    """Keeps facts in a file, one a line."""

    json = True  # it wants tasks and results as JSON

    def __init__(self, path):
        self.path = path
        self.file = open(path, "ab+")
        self.count = 0
        self.failed = None
        self.disk = ThreadPoolExecutor(1)  # one job at a time: no fsync runs beside another one
        self.disk.submit(self._sync_name).result()

    def _sync_name(self):
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _sync_file(self):
        if self.failed is not None:
            raise OSError("an fsync has failed before") from self.failed
        try:
            self.file.flush()
            os.fsync(self.file.fileno())
        except OSError as error:
            self.failed = error
            raise

    def load(self):
        self.file.seek(0)
        found, end = facts_of(self.file.read())
        self.file.truncate(end)
        self.count = len(found)
        return found

    def append(self, fact):
        self.file.write(line_of(self.count + 1, fact))
        self.count += 1
        return self.count

    def flush(self, position):
        self.file.flush()

    def sync(self, position):
        self.disk.submit(self._sync_file).result()

    def close(self):
        self.disk.shutdown()
        self.file.close()
