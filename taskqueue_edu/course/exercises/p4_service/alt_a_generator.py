class Service:
    """A queue and a pool that works on it; with a server, if the tasks need one."""

    def __init__(self, make_queue, make_pool, make_server=None):
        self._life = self._lives(make_queue, make_pool, make_server)
        next(self._life)

    def _lives(self, make_queue, make_pool, make_server):
        if make_server is None:
            self.server = None
            yield from self._works(make_queue, make_pool)
        else:
            with make_server() as self.server:
                yield from self._works(make_queue, make_pool)

    def _works(self, make_queue, make_pool):
        with make_queue() as self.queue, make_pool() as self.pool:
            self.pool.start_processing(self.queue)
            yield

    def close(self):
        """Close all parts, in reverse order. A second call does nothing."""
        next(self._life, None)
