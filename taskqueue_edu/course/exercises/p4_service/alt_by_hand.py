class Service:
    """A queue and a pool that works on it; with a server, if the tasks need one."""

    def __init__(self, make_queue, make_pool, make_server=None):
        self._open = []
        self.server = None
        try:
            if make_server is not None:
                self.server = self._opened(make_server())
            self.queue = self._opened(make_queue())
            self.pool = self._opened(make_pool())
            self.pool.start_processing(self.queue)
        except BaseException:
            self.close()
            raise

    def _opened(self, part):
        entered = part.__enter__()
        self._open.append(part)
        return entered

    def close(self):
        """Close all parts, in reverse order. A second call does nothing."""
        try:
            while self._open:
                self._open.pop().__exit__(None, None, None)
        finally:
            if self._open:
                self.close()
