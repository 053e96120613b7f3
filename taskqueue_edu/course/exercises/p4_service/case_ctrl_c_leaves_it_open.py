"""Ctrl-C while the pool starts leaves everything open."""

from taskqueue_edu.course.exercises.p4_service.given import ExitStack


class Service:
    """A queue and a pool that works on it; with a server, if the tasks need one."""

    def __init__(self, make_queue, make_pool, make_server=None):
        self._parts = ExitStack()
        try:
            self.server = make_server and self._parts.enter_context(make_server())
            self.queue = self._parts.enter_context(make_queue())
            self.pool = self._parts.enter_context(make_pool())
            self.pool.start_processing(self.queue)
        except Exception:
            self._parts.close()
            raise

    def close(self):
        """Close all parts, in reverse order. A second call does nothing."""
        parts, self._parts = self._parts, ExitStack()
        parts.close()
