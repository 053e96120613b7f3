"""Its close() stops at the first part that can't be closed; it opens without a net."""


class Service:
    """A queue and a pool that works on it; with a server, if the tasks need one."""

    def __init__(self, make_queue, make_pool, make_server=None):
        self.server = make_server() if make_server else None
        self.queue = make_queue()
        self.pool = make_pool()
        self.pool.start_processing(self.queue)

    def close(self):
        """Close all parts, in reverse order."""
        self.pool.shutdown()
        self.queue.close()
        if self.server:
            self.server.close()
