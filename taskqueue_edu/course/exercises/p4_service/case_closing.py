"""`closing` asks each part for a method `close`."""

from contextlib import closing

from taskqueue_edu.course.exercises.p4_service.given import ExitStack


class Service:
    """A queue and a pool that works on it; with a server, if the tasks need one."""

    def __init__(self, make_queue, make_pool, make_server=None):
        with ExitStack() as parts:
            # What the tasks use, if there is such a thing: open before the pool, closed after it.
            self.server = parts.enter_context(closing(make_server())) if make_server else None
            # What the pool works on.
            self.queue = parts.enter_context(closing(make_queue()))
            # The pool, and its start.
            self.pool = parts.enter_context(make_pool())
            self.pool.start_processing(self.queue)
            # All went well: from here on, close() closes.
            self._parts = parts.pop_all()

    def close(self):
        """Close all parts, in reverse order. A second call does nothing."""
        self._parts.close()
