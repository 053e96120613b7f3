class Collector:
    """Collects paths and submits them in batches of four; the last batch may be smaller."""

    def __init__(self, queue):
        self._queue = queue
        self._paths = []
        self.ids = []

    def add(self, path):
        self._paths.append(path)
        if len(self._paths) == 4:
            self.flush()

    def flush(self):
        """Submit IndexBatch(paths) for what was collected, keep its id, begin a new batch."""
        ...
