"""Keeps what strands print out of the notebook: a thousand schedules print a thousand times."""

from __future__ import annotations

from typing import Any

from taskqueue_edu.lab.interleave.schedule import me, run


class Output:
    """In the place of `sys.stdout`; other threads write through it."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def write(self, text: str) -> int:
        """Write, or keep what a strand writes."""
        if me() is None:
            return int(self._real.write(text) or 0)
        run().output.append(text)
        return len(text)

    def flush(self) -> None:
        """Flush what other threads wrote."""
        if me() is None:
            self._real.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)
