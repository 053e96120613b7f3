"""Axes with round numbers, and units that people can read."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

_SPANS: Final = (5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0)


class Axis(NamedTuple):
    """An axis from 0 to `top`, with a label for each tick, in `unit`."""

    top: float
    ticks: tuple[tuple[float, str], ...]
    unit: str


def step(top: float, most: int) -> float:
    """Return the smallest of 1, 2, 5, times a power of ten, of which `most` reach `top`."""
    power = 10.0 ** math.floor(math.log10(top / most))
    # A power of ten below 1 is rounded: 0.1 three times is more than 0.3.
    return next(n * power for n in (1, 2, 5, 10) if n * power * most >= top * (1 - 1e-9))


def number(value: float) -> str:
    """Return a number with about three digits: 0.05, 950, 1,200, 12.3k, 1.5M."""
    # Each limit is where rounding to three digits would give the next unit.
    for limit, unit, letter in ((9.995e8, 1e9, "G"), (9.995e5, 1e6, "M"), (9_999.5, 1e3, "k")):
        if value >= limit:
            return f"{value / unit:.3g}{letter}"
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"


def _axis(highest: float, size: float, scale: float, unit: str) -> Axis:
    steps = max(math.ceil(highest / size - 1e-9), 1)
    ticks = tuple((size * n * scale, number(size * n)) for n in range(steps + 1))
    return Axis(size * steps * scale, ticks, unit)


def count_axis(highest: float, unit: str) -> Axis:
    """Return an axis for whole numbers, or for rates, up to `highest`."""
    return _axis(highest, max(step(max(highest, 1.0), 3), 1.0), 1.0, unit)


def time_axis(longest: float) -> Axis:
    """Return an axis for durations up to `longest` seconds, in the unit that suits it."""
    longest = max(longest, 1e-6)
    units = (("min", 60.0, 180.0), ("s", 1.0, 1.0), ("ms", 1e-3, 1e-3), ("µs", 1e-6, 0.0))
    unit, scale = next((unit, scale) for unit, scale, least in units if longest >= least)
    return _axis(longest / scale, step(longest / scale, 3), scale, unit)


def span(age: float, most: float) -> float:
    """Return how many seconds to show of something that began `age` seconds ago."""
    return min(next((seconds for seconds in _SPANS if seconds >= age), most), most)


def clock_axis(seconds: float) -> Axis:
    """Return an axis for `seconds` that pass. Its ticks need not reach its end."""
    units = (("min", 60.0, 180.0), ("s", 1.0, 1.0), ("ms", 1e-3, 0.0))
    unit, scale = next((unit, scale) for unit, scale, least in units if seconds >= least)
    size = step(seconds / scale, 3)
    count = math.floor(seconds / scale / size + 1e-9)
    ticks = tuple((size * n * scale, f"{number(size * n)} {unit}") for n in range(count + 1))
    return Axis(seconds, ticks, unit)
