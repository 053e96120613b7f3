class Service:
    """A queue and a pool that works on it; with a server, if the tasks need one."""

    def __init__(self, make_queue, make_pool, make_server=None):
        with ExitStack() as parts:
            # What the tasks use, if there is such a thing: open before the pool, closed after it.
            self.server = ...
            # What the pool works on.
            self.queue = ...
            # The pool, and its start.
            self.pool = ...
            # All went well: from here on, close() closes.
            ...

    def close(self):
        """Close all parts, in reverse order. A second call does nothing."""
        ...
