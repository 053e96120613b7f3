"""Tasks that calculate: CPU-bound, so threads don't speed them up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from taskqueue_edu.catalogue import task_type
from taskqueue_edu.task import current_task

_OPERATIONS: dict[str, Callable[[Iterable[int]], int]] = {"sum": sum, "product": math.prod}


@task_type("math")
@dataclass(frozen=True)
class MathTask:
    """Add up ("sum") or multiply ("product") whole numbers."""

    operation: str
    operands: tuple[int, ...]

    def execute(self) -> int:
        """Return the sum or the product. Raises ValueError for another operation."""
        if self.operation not in _OPERATIONS:
            allowed = " or ".join(map(repr, _OPERATIONS))
            raise ValueError(f"operation is {self.operation!r}, expected {allowed}")
        return _OPERATIONS[self.operation](self.operands)


@task_type("primes")
@dataclass(frozen=True)
class PrimeTask:
    """Count the primes below a number, in pure Python and by trial division.

    A sieve would be faster. This one is slow on purpose: it keeps one core busy, and it uses
    no memory.
    """

    below: int

    def execute(self) -> int:
        """Return how many primes are smaller than `below`. Reports progress as it counts."""
        task = current_task()
        count = 0
        for number in range(self.below):
            if number % 1_000 == 0:
                task.progress(number, self.below)
            count += _is_prime(number)
        task.progress(self.below, self.below)
        return count


def _is_prime(number: int) -> bool:
    if number < 4 or number % 2 == 0:
        return number in (2, 3)
    return all(number % divisor for divisor in range(3, math.isqrt(number) + 1, 2))
