"""Ctrl-C while it closes leaves the rest open."""


class Service:
    """A queue and a pool that works on it; with a server, if the tasks need one."""

    def __init__(self, make_queue, make_pool, make_server=None):
        self._parts, self.server = [], None
        try:
            for name, make in (("server", make_server), ("queue", make_queue), ("pool", make_pool)):
                if make is not None:
                    part = make()
                    setattr(self, name, part.__enter__())
                    self._parts.append(part)
            self.pool.start_processing(self.queue)
        except BaseException:
            self.close()
            raise

    def close(self):
        """Close all parts, in reverse order. A second call does nothing."""
        first = None
        while self._parts:
            try:
                self._parts.pop().__exit__(None, None, None)
            except Exception as error:
                first = first or error
        if first is not None:
            raise first
