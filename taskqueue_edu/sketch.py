"""Percentiles of a stream of durations, in little memory and with a known error."""

from __future__ import annotations

import math
from collections import Counter
from typing import Final, NamedTuple

ACCURACY: Final = 0.01
"""The relative error of a percentile."""

_GAMMA: Final = (1 + ACCURACY) / (1 - ACCURACY)
_SCALE: Final = 1 / math.log(_GAMMA)


class Percentiles(NamedTuple):
    """Durations in seconds; NaN where there was nothing to measure."""

    p50: float
    p95: float
    p99: float


class Sketch:
    """Counts durations in buckets that grow by 2 % each, from one nanosecond up.

    A percentile read from it is within 1 % of the true one, however many durations went in, and
    two sketches can be added (DDSketch: Masson, Rim, Lee, PVLDB 12, 2019).
    """

    __slots__ = ("buckets", "count", "total")

    def __init__(self) -> None:
        self.buckets: Counter[int] = Counter()
        self.count = 0
        self.total = 0

    def add(self, nanoseconds: int) -> None:
        """Count one duration."""
        self.buckets[math.ceil(math.log(nanoseconds) * _SCALE) if nanoseconds > 1 else 0] += 1
        self.count += 1
        self.total += nanoseconds

    def merge(self, other: Sketch) -> None:
        """Count all that `other` counted."""
        self.buckets.update(other.buckets)
        self.count += other.count
        self.total += other.total

    def quantiles(self, *shares: float) -> list[float]:
        """Return, for each growing share (0 to 1), the seconds that so many durations stay below.

        This is the value of rank `share * (count - 1)`, as numpy's method "lower" has it.
        """
        found: list[float] = []
        if not self.count:
            return [math.nan] * len(shares)
        seen = 0
        buckets = iter(sorted(self.buckets.items()))
        index = 0
        for share in shares:
            rank = math.floor(share * (self.count - 1))
            while seen <= rank:
                index, count = next(buckets)
                seen += count
            found.append(2 * _GAMMA**index / (_GAMMA + 1) / 1e9)
        return found

    def percentiles(self) -> Percentiles:
        """Return the 50th, 95th and 99th percentile."""
        return Percentiles(*self.quantiles(0.5, 0.95, 0.99))

    def mean(self) -> float:
        """Return the mean in seconds; NaN if nothing was counted."""
        return self.total / self.count / 1e9 if self.count else math.nan
