"""Axes with round numbers, and units that people can read."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

_SPANS: Final = (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0)


class Axis(NamedTuple):
    """An axis from 0 to `top`, with a label for each tick. `unit` belongs beside the title."""

    top: float
    ticks: tuple[tuple[float, str], ...]
    unit: str = ""


def step(top: float, most: int) -> float:
    """Return the least of 1, 2, 5, 10, 20, ... (and 0.5, 0.2, ...) with `most` steps up to top."""
    power = 10.0 ** math.floor(math.log10(top / most))
    # The tolerance keeps rounding errors of 10.0 ** -3 from adding a step.
    return next(m * power for m in (1, 2, 5, 10) if m * power * most >= top * (1 - 1e-9))


def number(value: float) -> str:
    """Return a number in at most five characters: 0.05, 950, 1,200, 12k, 1.5M."""
    for limit, unit in ((1e6, "M"), (1e4, "k")):
        if value >= limit:
            return f"{value / (1e3 if unit == 'k' else 1e6):.3g}{unit}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def count_axis(highest: float, most: int = 3) -> Axis:
    """Return an axis for rates or counts up to `highest`."""
    size = max(step(max(highest, 1.0), most), 1.0)
    steps = max(math.ceil(highest / size - 1e-9), 1)
    return Axis(size * steps, tuple((size * n, number(size * n)) for n in range(steps + 1)))


def time_axis(longest: float, most: int = 3) -> Axis:
    """Return an axis for durations up to `longest` seconds, in the unit that suits it."""
    longest = max(longest, 1e-6)
    unit, scale = next(
        ((u, s) for u, s in (("s", 1.0), ("ms", 1e-3)) if longest >= s), ("µs", 1e-6)
    )
    if longest >= 180.0:
        unit, scale = "min", 60.0
    size = step(longest / scale, most)
    steps = max(math.ceil(longest / scale / size - 1e-9), 1)
    ticks = tuple((size * n * scale, number(size * n)) for n in range(steps + 1))
    return Axis(size * steps * scale, ticks, unit)


def span(age: float, most: float) -> float:
    """Return how many seconds to show of something that began `age` seconds ago."""
    return min(next((s for s in _SPANS if s >= age), most), most)


def ago_axis(seconds: float) -> Axis:
    """Return the axis of the last `seconds`: ticks are in seconds before now."""
    unit, scale = ("min", 60.0) if seconds >= 180.0 else ("s", 1.0)
    size = step(seconds / scale, 4)
    ticks = [(0.0, "now")]
    ticks += [
        (size * n * scale, f"{number(size * n)} {unit}")
        for n in range(1, math.floor(seconds / scale / size + 1e-9) + 1)
    ]
    ticks[-1] = (ticks[-1][0], f"{ticks[-1][1]} ago")
    return Axis(seconds, tuple(ticks), unit)
