"""A pool that can't be started closes all, and nobody hears of it."""

from taskqueue_edu.course.exercises.p4_service.given import ExitStack


class Service:
    """A queue and a pool that works on it; with a server, if the tasks need one."""

    def __init__(self, make_queue, make_pool, make_server=None):
        with ExitStack() as parts:
            self.server = parts.enter_context(make_server()) if make_server else None
            self.queue = parts.enter_context(make_queue())
            self.pool = parts.enter_context(make_pool())
            self._parts = parts.pop_all()
        try:
            self.pool.start_processing(self.queue)
        except BaseException:
            self.close()

    def close(self):
        """Close all parts, in reverse order. A second call does nothing."""
        self._parts.close()
