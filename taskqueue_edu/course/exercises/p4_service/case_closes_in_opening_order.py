"""The parts are closed in the order in which they were opened."""

from taskqueue_edu.course.exercises.p4_service.given import ExitStack


class Service:
    """A queue and a pool that works on it; with a server, if the tasks need one."""

    def __init__(self, make_queue, make_pool, make_server=None):
        self._open = []
        self.server = self._opened(make_server) if make_server else None
        self.queue = self._opened(make_queue)
        self.pool = self._opened(make_pool)
        self.pool.start_processing(self.queue)

    def _opened(self, make):
        part = make()
        self._open.append(part)
        return part

    def close(self):
        for part in self._open:
            part.__exit__(None, None, None)
        self._open = []
