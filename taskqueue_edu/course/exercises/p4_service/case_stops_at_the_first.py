"""Its close() stops at the first part that can't be closed."""

from taskqueue_edu.course.exercises.p4_service.given import ExitStack


class Service:
    """A queue and a pool that works on it; with a server, if the tasks need one."""

    def __init__(self, make_queue, make_pool, make_server=None):
        self.open = []
        with ExitStack() as parts:
            self.server = parts.enter_context(make_server()) if make_server else None
            self.queue = parts.enter_context(make_queue())
            self.pool = parts.enter_context(make_pool())
            self.pool.start_processing(self.queue)
            parts.pop_all()
        self.open = [part for part in (self.server, self.queue, self.pool) if part]

    def close(self):
        """Close all parts, in reverse order. A second call does nothing."""
        while self.open:
            self.open.pop().__exit__(None, None, None)
