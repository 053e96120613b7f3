"""Percentiles of a stream of durations, in little memory and with a known error."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from typing import Final, NamedTuple, Self

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

    __slots__ = ("buckets",)

    def __init__(self, nanoseconds: Iterable[int] = ()) -> None:
        self.buckets: Counter[int] = Counter()
        # Sorted, those of one bucket are next to each other: one logarithm does for all.
        durations = sorted(nanoseconds)
        start = 0
        while start < len(durations):
            least = durations[start]
            bucket = math.ceil(math.log(least) * _SCALE) if least > 1 else 0
            end = bisect_right(durations, _GAMMA**bucket, start + 1)
            self.buckets[bucket] += end - start
            start = end

    def __iadd__(self, other: Sketch) -> Self:
        """Count all that `other` counted."""
        self.buckets.update(other.buckets)
        return self

    def __isub__(self, other: Sketch) -> Self:
        """Take out what `other` counted, which was added before."""
        self.buckets -= other.buckets
        return self

    @property
    def count(self) -> int:
        """How many durations were counted."""
        return self.buckets.total()

    def quantiles(self, *shares: float) -> list[float]:
        """Return, for each share (0 to 1), the seconds that so many durations stay below.

        This is the value of rank `share * (count - 1)`, as numpy's method "lower" has it.
        """
        buckets = sorted(self.buckets)
        if not buckets:
            return [math.nan] * len(shares)
        up_to = list(accumulate(map(self.buckets.__getitem__, buckets)))
        ranks = (math.floor(share * (up_to[-1] - 1)) for share in shares)
        found = (buckets[bisect_right(up_to, rank)] for rank in ranks)
        return [2 * _GAMMA**bucket / (_GAMMA + 1) / 1e9 for bucket in found]

    def percentiles(self) -> Percentiles:
        """Return the 50th, 95th and 99th percentile."""
        return Percentiles(*self.quantiles(0.5, 0.95, 0.99))
