"""Axes with round numbers, and units that people can read."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0

_UNITS: Final = (
    ("d", _DAY, 3 * _DAY),
    ("h", _HOUR, 3 * _HOUR),
    ("min", _MINUTE, 3 * _MINUTE),
    ("s", 1.0, 1.0),
    ("ms", 1e-3, 1e-3),
    ("µs", 1e-6, 0.0),
)
"""Units of time: seconds in one, and from how many seconds on it is used."""

_NAMES: Final = {"d": "day", "h": "hour", "min": "minute", "s": "second", "ms": "millisecond"}

# Seconds that are a round number of something: 1, 2, 5 of the next unit, but thirds of it too.
_MINUTES: Final = (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 360, 720)
_ROUND: Final = (
    *(5.0, 10.0, 15.0, 20.0, 30.0),
    *(n * _MINUTE for n in _MINUTES),
    *(n * _DAY for n in (1, 2, 5, 10, 20, 50, 100)),
)


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


def _unit(seconds: float) -> tuple[str, float]:
    return next((unit, scale) for unit, scale, least in _UNITS if seconds >= least)


def time_axis(longest: float) -> Axis:
    """Return an axis for durations up to `longest` seconds, in the unit that suits it."""
    longest = max(longest, 1e-6)
    unit, scale = _unit(longest)
    return _axis(longest / scale, step(longest / scale, 3), scale, unit)


def span(age: float, most: float) -> float:
    """Return how many seconds to show of something that began `age` seconds ago."""
    return min(next((seconds for seconds in _ROUND if seconds >= age), most), most)


def period(seconds: float) -> str:
    """Return a time in words: "30 seconds", "1 minute", "2.5 hours"."""
    whole = ((unit, size) for unit, size, _ in _UNITS[:3] if seconds >= size and not seconds % size)
    unit, scale = next(whole, None) or _unit(max(seconds, 1e-3))
    shown = number(seconds / scale)
    return f"{shown} {_NAMES[unit]}{'' if shown == '1' else 's'}"


def clock_axis(seconds: float) -> Axis:
    """Return an axis for `seconds` that pass. Its ticks need not reach its end."""
    unit, scale = _unit(max(seconds, 1e-3))
    size = step(seconds / scale, 3) * scale
    if seconds >= 3 * _MINUTE:  # a quarter of an hour is round, and 20 % of it is not
        size = next((one for one in _ROUND if one * 3 >= seconds * (1 - 1e-9)), size)
    count = math.floor(seconds / size + 1e-9)
    ticks = tuple((size * n, f"{number(size * n / scale)} {unit}") for n in range(count + 1))
    return Axis(seconds, ticks, unit)
