"""It keeps what was made, and not what `enter_context` returns."""

from taskqueue_edu.course.exercises.p4_service.given import ExitStack


class Service:
    """A queue and a pool that works on it; with a server, if the tasks need one."""

    def __init__(self, make_queue, make_pool, make_server=None):
        with ExitStack() as parts:
            self.server = make_server() if make_server else None
            if make_server:
                parts.enter_context(self.server)
            self.queue = make_queue()
            parts.enter_context(self.queue)
            self.pool = make_pool()
            parts.enter_context(self.pool)
            self.pool.start_processing(self.queue)
            self._parts = parts.pop_all()

    def close(self):
        """Close all parts, in reverse order. A second call does nothing."""
        self._parts.close()
