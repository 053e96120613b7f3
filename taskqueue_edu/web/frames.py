"""The picture, five times a second: one for all who look, made while anybody does."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from starlette.concurrency import run_in_threadpool

from taskqueue_edu.monitor import Monitor
from taskqueue_edu.picture.look import Look, rest

WINDOWS: Final = {"10": 10.0, "30": 30.0, "120": 120.0, "600": 600.0, "all": math.inf}
"""How far a picture may look back, in seconds, by the name that it has in an address."""

MOST_VIEWERS: Final = 16
"""Pages that get frames at a time: each of them holds a connection."""


class Feed:
    """The frames, for any number of viewers.

    Who asks for the next frame gets one that is made from then on, together with all others who
    wait for it. So a viewer to whom a frame takes long to send misses some, and nothing piles up.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._looks = {name: Look(seconds) for name, seconds in WINDOWS.items()}
        self._next: dict[str, asyncio.Task[bytes]] = {}
        self._viewers = 0
        self._pause = rest(0.0)
        self._closed = asyncio.Event()

    @property
    def full(self) -> bool:
        """True while there is no place for another viewer."""
        return self._viewers >= MOST_VIEWERS

    async def watch(self, window: str) -> AsyncIterator[bytes]:
        """Yield the frames as JSON, until the feed is closed: see `_frame`."""
        self._viewers += 1
        try:
            while frame := await self._wait(window):
                yield frame
        finally:
            self._viewers -= 1

    async def _wait(self, window: str) -> bytes:
        if window not in self._next:
            self._next[window] = asyncio.create_task(self._make(window))
        # A viewer that goes away must not take the frame from the others.
        return await asyncio.shield(self._next[window])

    async def _make(self, window: str) -> bytes:
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), self._pause)
                return b""
            # Not asyncio's own threads: they take nothing more once the main thread has ended, and
            # the queue may go on.
            try:
                return await run_in_threadpool(self._frame, window)
            except RuntimeError:  # since Python 3.12, no thread can be started any more then
                return self._frame(window)
        finally:
            del self._next[window]

    def _frame(self, window: str) -> bytes:
        """Return a picture, the status in words, and a text that changes when a task does."""
        began = time.thread_time()
        try:
            shown = self._looks[window].draw(self._monitor)
            happened = f"{sum(shown.snapshot.totals.values())} {shown.snapshot.depth}"
            frame = {
                "picture": shown.overview + shown.picture,
                "status": shown.status,
                "happened": happened,
            }
        except Exception as error:  # whatever it is, it belongs on the screen
            frame = {"status": f"There is no picture. {type(error).__name__}: {error}"}
        # Not msgspec: a name may hold half of a surrogate pair, which UTF-8 has no place for.
        encoded = json.dumps(frame).encode()
        self._pause = rest(time.thread_time() - began)
        return encoded

    def close(self) -> None:
        """Let all viewers go."""
        self._closed.set()
