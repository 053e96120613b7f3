"""What is at which address.

    /                    the page; beside it its script, its styles and its icon
    /events              frames, as server-sent events; ?window= one of WINDOWS
    /tasks.json          a page of the table; for the parameters see Query
    /task.json?id=       all about a task
    /cancel?id=          POST: the answer says what comes of it
    /retry?id=           POST: the same
    /metrics.json        numbers; ?window= as above

In JSON, times are ISO 8601 in UTC; what is in seconds, or per second, has that in its name.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from html import escape
from math import isnan
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from taskqueue_edu import facts
from taskqueue_edu.errors import (
    IllegalTransition,
    QueueClosed,
    ResultExpired,
    StorageError,
    TaskQueueError,
    UnknownTask,
)
from taskqueue_edu.history import JsonObject, iso
from taskqueue_edu.monitor import Snapshot
from taskqueue_edu.picture.style import CSS
from taskqueue_edu.sketch import Percentiles
from taskqueue_edu.web.backend import Backend
from taskqueue_edu.web.frames import MOST_VIEWERS, WINDOWS, Feed
from taskqueue_edu.web.table import Query, whole

_STATIC: Final = Path(__file__).parent / "static"
_FILES: Final = {
    "dashboard.js": "text/javascript",
    "dashboard.css": "text/css",
    "icon.svg": "image/svg+xml",
}
_CODES: Final[dict[type[TaskQueueError], int]] = {
    ResultExpired: 410,
    UnknownTask: 404,
    IllegalTransition: 409,
    QueueClosed: 409,
    StorageError: 503,
}


def make_app(backend: Backend, feed: Feed) -> Starlette:
    """Return the application that shows what `backend` has. It lets everybody in: see guard."""

    async def events(request: Request) -> Response:
        window = _window(request)
        if feed.full:
            raise HTTPException(503, f"{MOST_VIEWERS} pages are open: close one of them")
        return StreamingResponse(_events(feed.watch(window)), media_type="text/event-stream")

    # From here on no coroutines: Starlette calls these in threads of their own, for they may
    # take a while.

    def tasks(request: Request) -> Response:
        try:
            query = Query.of(request.query_params)
        except ValueError as error:
            raise HTTPException(400, str(error)) from error
        return _json(query.answer(backend.records(), facts.now()))

    def task(request: Request) -> Response:
        return _json(whole(backend.tell(_id(request)), facts.now(), json=backend.json))

    def cancel(request: Request) -> Response:
        return _json({"said": backend.cancel(_id(request))})

    def retry(request: Request) -> Response:
        return _json({"said": backend.retry(_id(request))})

    def metrics(request: Request) -> Response:
        return _json(measured(backend.monitor.snapshot(WINDOWS[_window(request)])))

    page = _read("index.html").replace("{title}", escape(backend.title))
    return Starlette(
        routes=[
            Route("/", _text(page, "text/html")),
            Route("/picture.css", _text(CSS, "text/css")),
            *(Route(f"/{name}", _text(_read(name), kind)) for name, kind in _FILES.items()),
            Route("/events", events),
            Route("/tasks.json", tasks),
            Route("/task.json", task),
            Route("/cancel", cancel, methods=["POST"]),
            Route("/retry", retry, methods=["POST"]),
            Route("/metrics.json", metrics),
        ],
        exception_handlers={TaskQueueError: _refuse},
    )


def measured(snapshot: Snapshot) -> JsonObject:
    """Return the numbers of a snapshot, with their units in their names; null for unknown."""
    return {
        "at": iso(snapshot.at),
        "window_seconds": snapshot.seconds,
        "tasks": snapshot.counts,
        "totals": snapshot.totals,
        "finished_per_second": snapshot.throughput,
        "submitted_per_second": snapshot.arrivals,
        "waiting_seconds": _shares(snapshot.waiting),
        "running_seconds": _shares(snapshot.running),
        "depth": snapshot.depth,
        "depth_limit": snapshot.maxsize or None,
        "workers": snapshot.workers,
        "workers_busy": len(snapshot.busy),
        "paused": snapshot.paused,
    }


def _shares(shares: Percentiles) -> dict[str, float | None]:
    return {name: None if isnan(value) else value for name, value in shares._asdict().items()}


def _read(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")


def _text(text: str, kind: str) -> Callable[[Request], Response]:
    return lambda _: Response(text, media_type=kind)


async def _events(frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for frame in frames:
        yield b"data: %b\n\n" % frame


def _window(request: Request) -> str:
    window = request.query_params.get("window", "30")
    if window not in WINDOWS:
        raise HTTPException(400, f"window is one of {', '.join(WINDOWS)}")
    return window


def _id(request: Request) -> str:
    return request.query_params.get("id", "")


def _json(value: JsonObject) -> Response:
    return Response(json.dumps(value), media_type="application/json")


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, TaskQueueError)
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), 400)
    return PlainTextResponse(error.message, code)
