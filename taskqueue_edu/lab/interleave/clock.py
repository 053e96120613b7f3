"""Time that passes only when nobody can go on, or when the schedule lets a timer go off."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from taskqueue_edu.lab.interleave.schedule import me, run

START: Final = 1_000_000_000.0
"""What the clocks show when a scenario begins, in seconds."""

_real_sleep: Final = time.sleep


def sleep(seconds: float) -> None:
    """`time.sleep`; `sleep(0)` lets the others go first."""
    strand = me()
    if strand is None:
        _real_sleep(seconds)
        return
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    current = run()
    strand.doing = (f"sleep {seconds:g} s", None)
    if seconds:
        current.point(strand, None, current.now + seconds)
    else:
        current.point(strand, yields=True)
    if current.recorder is not None:
        current.recorder.remark(strand, f"has slept {seconds:g} s")


def clock(real: Callable[[], Any], unit: Callable[[float], Any]) -> Callable[[], Any]:
    """Return a clock that shows virtual time to strands and real time to others."""

    def now() -> Any:
        strand = me()
        if strand is None:
            return real()
        current = run()
        current.touch(strand, "clock", writes=False)
        return unit(START + current.now)

    now.__name__ = real.__name__
    return now


def _ns(seconds: float) -> int:
    return round(seconds * 1_000_000_000)


CLOCKS: Final = {
    name: clock(getattr(time, name), _ns if name.endswith("_ns") else float)
    for name in (
        "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "time", "time_ns",
    )
}  # fmt: skip
