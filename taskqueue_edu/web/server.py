"""The dashboard as a server: its address, its thread, and its end."""

from __future__ import annotations

import atexit
import ipaddress
import logging
import os
import secrets
import socket
import threading
from typing import Final, Self

import uvicorn

from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.web.app import make_app
from taskqueue_edu.web.backend import Backend, FolderBackend, QueueBackend
from taskqueue_edu.web.frames import Feed
from taskqueue_edu.web.guard import Guard

log: Final = logging.getLogger("taskqueue_edu")

_MOST_CONNECTIONS: Final = 100
_GRACE: Final = 2
"""Seconds that answers under way have when the server ends."""


class Dashboard:
    """A web page that shows a queue, and can cancel and retry its tasks.

    `url` is its address, with the token that lets a browser in.
    """

    def __init__(self, backend: Backend, host: str, port: int) -> None:
        """Listen at `host` and `port` (0: any that is free). Raises OSError if that can't be."""
        self._backend = backend
        self._socket = _listen(host, port)
        address, port, *_ = self._socket.getsockname()
        token = secrets.token_urlsafe(32)
        self.url = f"http://{_in_url(host, address)}:{port}/?token={token}"
        feed = Feed(backend.monitor)
        guard = Guard(make_app(backend, feed), token, host, port)
        self._server = _Server(guard, backend, feed)
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Serve in this thread until Ctrl-C, or until the queue has ended.

        Raises KeyboardInterrupt.
        """
        try:
            self._server.run([self._socket])
        finally:
            self._release()

    def start(self) -> None:
        """Serve in a thread of its own, until `close`, or until the queue has ended."""
        self._thread = threading.Thread(target=self.run, name="taskqueue-dashboard", daemon=True)
        atexit.register(self.close)
        self._thread.start()

    def close(self) -> None:
        """End it, with all pages that are open. Closing twice is fine."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()
        self._release()

    def _release(self) -> None:
        self._socket.close()
        self._backend.close()
        atexit.unregister(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Dashboard: {self.url}>"


def serve(source: TaskQueue | str | os.PathLike[str], *, host: str, port: int) -> Dashboard:
    """Return the dashboard of a queue of this process, or of a folder that another one works on.

    Nothing is served before `start` or `run`. Raises OSError if it can't listen there,
    StorageError for a folder without a journal.
    """
    backend = QueueBackend(source) if isinstance(source, TaskQueue) else FolderBackend(source)
    try:
        return Dashboard(backend, host, port)
    except BaseException:
        backend.close()
        raise


class _Server(uvicorn.Server):
    """uvicorn, which besides ends with the queue, and does not wait for those who look."""

    def __init__(self, app: Guard, backend: Backend, feed: Feed) -> None:
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE,
        )
        super().__init__(config)
        self._backend, self._feed = backend, feed

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._backend.over()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._feed.close()
        for connection in list(self.server_state.connections):
            # Who does not read what it is sent would hold this up for ever.
            if connection.transport.get_write_buffer_size():
                connection.transport.abort()
        await super().shutdown(sockets)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    listening = socket.create_server((host, port), family=family)
    address = listening.getsockname()[0]
    if not ipaddress.ip_address(address).is_loopback:
        log.warning(
            "The dashboard can be reached from other machines, at %s. What it sends is not "
            "encrypted: who can listen to the network sees the tasks, and the token.",
            address,
        )
    return listening


def _in_url(host: str, address: str) -> str:
    """Return what stands for the host in a URL that works on this machine."""
    found = ipaddress.ip_address(address)
    if found.is_unspecified:  # it is any address that this machine has
        host = "127.0.0.1" if found.version == 4 else "::1"
    return f"[{host}]" if ":" in host else host
