from contextlib import contextmanager, nullcontext


class Service:
    """A queue and a pool that works on it; with a server, if the tasks need one."""

    @staticmethod
    @contextmanager
    def _open(make_queue, make_pool, make_server):
        with (make_server or nullcontext)() as server, make_queue() as queue, make_pool() as pool:
            pool.start_processing(queue)
            yield server, queue, pool

    def __init__(self, make_queue, make_pool, make_server=None):
        self._opened = self._open(make_queue, make_pool, make_server)
        self.server, self.queue, self.pool = self._opened.__enter__()

    def close(self):
        """Close all parts, in reverse order. A second call does nothing."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.__exit__(None, None, None)
