"""Keeps what the code under test prints from being printed once for each crash."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Muted:
    """A stream that is silent for one thread."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._thread = stream, threading.get_ident()

    def write(self, text: str) -> int:
        if threading.get_ident() != self._thread:
            self._stream.write(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what this thread prints."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Muted(sys.stdout), _Muted(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
