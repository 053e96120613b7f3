"""A dashboard seen by a program: HTTP over loopback, with nothing that a browser adds."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage, HTTPResponse
from typing import Any
from urllib.parse import urlencode, urlsplit

LIMIT = 10.0
"""Seconds that an answer may take."""


@dataclass(frozen=True)
class Answer:
    """What a request was answered with."""

    code: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class Site:
    """The dashboard at an address, with or without its token."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.port is not None
        assert parts.hostname is not None
        self.host, self.port = parts.hostname, parts.port
        self.origin = f"http://{parts.netloc}"
        self.token = parts.query.removeprefix("token=")
        self.cookie = f"taskqueue-{self.port}={self.token}"

    def ask(self, path: str, method: str = "GET", *, known: bool = True, **headers: str) -> Answer:
        """Send a request, with the cookie if `known`, and read the answer."""
        with self.open(path, method, known=known, **headers) as response:
            return Answer(response.status, response.headers, response.read())

    @contextmanager
    def open(
        self, path: str, method: str = "GET", *, known: bool = True, **headers: str
    ) -> Iterator[HTTPResponse]:
        """Send a request, and leave its body to be read."""
        given = {"Cookie": self.cookie} | headers if known else headers
        connection = HTTPConnection(self.host, self.port, timeout=LIMIT)
        try:
            connection.request(method, path, headers=given)
            with connection.getresponse() as response:
                yield response
        finally:
            connection.close()

    def press(self, button: str, task_id: str, **headers: str) -> Answer:
        """Do what a button of the page does."""
        path = f"/{button}?{urlencode({'id': task_id})}"
        return self.ask(path, "POST", **({"Origin": self.origin} | headers))

    def tasks(self, **query: object) -> Any:
        """Return a page of the table."""
        return self.ask(f"/tasks.json?{urlencode(query)}").json

    def task(self, task_id: str) -> Any:
        """Return all about a task."""
        return self.ask(f"/task.json?{urlencode({'id': task_id})}").json

    def frames(self, window: str = "30") -> Iterator[dict[str, Any]]:
        """Yield the frames, until the server ends them."""
        with self.open(f"/events?window={window}") as response:
            assert response.status == 200, response.read()
            while event := _line(response):
                found = re.fullmatch(rb"data: (.*)\n", event)
                assert found, event
                assert _line(response) == b"\n"
                yield json.loads(found[1])

    def wait_for_status(self, pattern: str) -> str:
        """Watch until the status line matches; return it."""
        frames = self.frames()
        try:
            return next(f["status"] for f in frames if re.search(pattern, f["status"]))
        finally:
            frames.close()  # type: ignore[attr-defined]


def _line(response: HTTPResponse) -> bytes:
    try:
        return response.readline()
    except (http.client.IncompleteRead, ConnectionError):  # the server does not wait
        return b""
