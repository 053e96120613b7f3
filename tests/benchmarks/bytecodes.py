"""Counts steps of the interpreter: they depend on Python's version, and not on the machine."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

CLIENT: Final = "client"
WORKER: Final = "worker"


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the bytecodes of this thread, as CLIENT, and of those that it starts, as WORKER."""
    counts: Counter[str] = Counter()
    client = threading.get_ident()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        frame.f_trace_opcodes = True
        if event == "opcode":
            counts[CLIENT if threading.get_ident() == client else WORKER] += 1
        return trace

    before = sys.gettrace()
    threading.settrace(trace)
    sys.settrace(trace)
    try:
        yield counts
    finally:
        sys.settrace(before)
        threading.settrace(before)
