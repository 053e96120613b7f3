"""What make_queue() returns is open: it is left at the end, and nobody enters it."""

from taskqueue_edu.course.exercises.p4_service.given import ExitStack


class Service:
    """A queue and a pool that works on it; with a server, if the tasks need one."""

    def __init__(self, make_queue, make_pool, make_server=None):
        with ExitStack() as parts:
            self.server = None
            if make_server:
                self.server = parts.push(make_server())
            self.queue = parts.push(make_queue())
            self.pool = make_pool()
            parts.callback(self.pool.__exit__, None, None, None)
            self.pool.start_processing(self.queue)
            self._parts = parts.pop_all()

    def close(self):
        """Close all parts, in reverse order. A second call does nothing."""
        self._parts.close()
