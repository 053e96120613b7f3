"""Mean and variance of a stream, without keeping it.

The update is Welford's (Technometrics 4(3), 1962): it never subtracts two large, nearly equal
sums, so it stays accurate where the schoolbook formula does not.
"""

import math
from dataclasses import dataclass


@dataclass
class Running:
    """
    >>> running = Running()
    >>> for value in (2, 4, 4, 4, 5, 5, 7, 9):
    ...     running.add(value)
    >>> running.mean, running.deviation
    (5.0, 2.0)
    """

    count: int = 0
    mean: float = 0.0
    _squares: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        difference = value - self.mean
        self.mean += difference / self.count
        self._squares += difference * (value - self.mean)

    @property
    def variance(self) -> float:
        return self._squares / self.count if self.count else 0.0

    @property
    def deviation(self) -> float:
        return math.sqrt(self.variance)
