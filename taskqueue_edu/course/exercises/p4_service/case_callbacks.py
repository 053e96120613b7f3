"""It never enters the parts, and asks for methods that not every context manager has."""

from taskqueue_edu.course.exercises.p4_service.given import ExitStack


class Service:
    """A queue and a pool that works on it; with a server, if the tasks need one."""

    def __init__(self, make_queue, make_pool, make_server=None):
        self.server = None
        with ExitStack() as parts:
            if make_server:
                self.server = make_server()
                parts.callback(self.server.close)
            self.queue = make_queue()
            parts.callback(self.queue.close)
            self.pool = make_pool()
            parts.callback(self.pool.shutdown)
            self.pool.start_processing(self.queue)
            self.close = parts.pop_all().close

    def close(self):
        """Close all parts, in reverse order. A second call does nothing."""
