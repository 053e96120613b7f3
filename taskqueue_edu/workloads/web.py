"""Fetch pages from a server on this machine: I/O-bound, so threads speed it up.

Nothing leaves the machine: the server listens on 127.0.0.1 only, and `FetchPage` refuses any
other host.
"""

from __future__ import annotations

import math
import re
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from random import Random
from socket import create_connection
from socketserver import ThreadingTCPServer
from typing import Any, Self
from urllib.parse import urlsplit

from taskqueue_edu.catalogue import task_type


@dataclass(frozen=True)
class Page:
    """A page that was fetched: its size in bytes, and the seconds that took."""

    url: str
    status: int
    bytes: int
    seconds: float


@task_type("fetch_page")
@dataclass(frozen=True)
class FetchPage:
    """Fetch one page over HTTP from this machine.

    `timeout` is how many seconds it waits for the server's next bytes. Redirects are not
    followed and proxies not used: both would lead off this machine.
    """

    url: str
    timeout: float = 10.0

    def execute(self) -> Page:
        """Return what came back.

        Raises ValueError if the URL is not http:// on 127.0.0.1 or localhost, ConnectionError
        if the server can't be reached or answers that it has a problem (status 500 and up: it
        may be over when asked again), TimeoutError if it doesn't answer in time, and
        LookupError if it answers that the request is wrong (400 to 499: no use to ask again).
        """
        url = urlsplit(self.url)
        if url.scheme != "http" or url.hostname not in ("127.0.0.1", "localhost"):
            raise ValueError(f"{self.url!r} is refused: only http://127.0.0.1 or localhost")
        started = time.perf_counter()
        with closing(HTTPConnection(url.hostname, url.port, timeout=self.timeout)) as connection:
            connection.request("GET", f"{url.path or '/'}?{url.query}".removesuffix("?"))
            with connection.getresponse() as response:
                body = response.read()
        seconds = time.perf_counter() - started
        if response.status >= 400:
            kind = ConnectionError if response.status >= 500 else LookupError
            raise kind(f"{self.url}: the server answered {response.status} {response.reason}")
        return Page(self.url, response.status, len(body), seconds)


class PageServer:
    """A web server on 127.0.0.1, on a free port, with pages that take realistically long.

    It serves from the moment it is made until `close()`, or the end of its `with` block:

    - `/page/7`, and any other number: a page of 1 to 20 KiB.
    - `/flaky?fails=2`, `/flaky/any-name?fails=2`: status 503 twice, from then on a page.
    - anything else, such as `/missing`: status 404.

    Size and latency depend on the path alone, so every run sees the same. Latencies are
    log-normal (many a little below the median, a few far above it), with the median
    `median_ms` in milliseconds and at most four times that.
    """

    def __init__(self, median_ms: float = 20.0) -> None:
        """Start serving. Raises ValueError if `median_ms` is not between 0 and 10,000."""
        if not 0 <= median_ms <= 10_000:
            raise ValueError(f"median_ms is {median_ms}, expected 0 to 10,000 milliseconds")
        self._server = _Server(median_ms)
        self._port = int(self._server.server_address[1])
        # A daemon, so that a server that somebody forgot doesn't keep Python from exiting.
        # Who closes it waits for this thread and for all that answer requests.
        self._thread = threading.Thread(target=self._serve, name="page-server", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """The beginning of every URL: "http://127.0.0.1:PORT"."""
        return f"http://127.0.0.1:{self._port}"

    def url(self, path: str) -> str:
        """Return the URL of a path, such as "/missing"."""
        return self.address + path

    def urls(self, n: int) -> list[str]:
        """Return the URLs of `n` pages."""
        return [self.url(f"/page/{number}") for number in range(n)]

    def latency(self, path: str) -> float:
        """Return the seconds that the server takes for a path."""
        return self._server.latency(path)

    def close(self) -> None:
        """Stop, and wait until every thread is gone. Requests under way are answered at once."""
        if self._server.closing.is_set():
            return
        self._server.closing.set()
        # The thread waits for a request without a time limit: give it one.
        with create_connection(("127.0.0.1", self._port)):
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self) -> None:
        while not self._server.closing.is_set():
            self._server.handle_request()


class _Server(ThreadingTCPServer):
    """One thread a connection. `server_close` joins them all.

    Not HTTPServer: that one looks up this machine's name, which takes seconds without DNS.
    """

    request_queue_size = 128  # the default, 5, lets a pool of workers run into lost connections

    def __init__(self, median_ms: float) -> None:
        self.closing = threading.Event()
        self._median = median_ms / 1000
        # Guards `_asked`: how often each flaky path was asked for.
        self._lock = threading.Lock()
        self._asked: Counter[str] = Counter()
        super().__init__(("127.0.0.1", 0), _Handler)

    def latency(self, path: str) -> float:
        share = Random(path).lognormvariate(0, 0.5)  # noqa: S311 - made to be repeatable
        return self._median * min(share, 4)

    def status(self, path: str) -> HTTPStatus:
        if re.fullmatch(r"/page/[0-9]+", path):
            return HTTPStatus.OK
        flaky = re.fullmatch(r"/flaky(?:/[^?]*)?\?fails=([0-9]{1,9})", path)
        if flaky is None:
            return HTTPStatus.NOT_FOUND
        with self._lock:
            self._asked[path] += 1
            early = self._asked[path] <= int(flaky[1])
        return HTTPStatus.SERVICE_UNAVAILABLE if early else HTTPStatus.OK

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about a client that went away."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 2.0  # seconds for a client that connects and then says nothing

    def do_GET(self) -> None:
        self.server.closing.wait(self.server.latency(self.path))
        status = self.server.status(self.path)
        if status is not HTTPStatus.OK:
            self.send_error(status)
            return
        body = _page(self.path)
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Print nothing."""


def _page(path: str) -> bytes:
    """Return the page of this path: 1 to 20 KiB, always the same."""
    size = Random(path).randint(1, 20) * 1024  # noqa: S311 - made to be repeatable
    title = f"<!doctype html><title>{escape(path)}</title>\n"
    line = "<p>A page that is here to be fetched.</p>\n"
    return (title + line * math.ceil(size / len(line))).encode()[:size]
