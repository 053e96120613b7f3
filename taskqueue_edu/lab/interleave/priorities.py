"""Random schedules that reach beyond the bound.

Each strand gets a random priority, and the highest one that can goes on. At a few random points
the one that runs falls below all others. An error that takes `changes` such points is found with a
probability that is known beforehand, and far greater than by a coin at each point (Burckhardt and
others, "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", 2010).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskqueue_edu.lab.interleave.strands import Strand


class Priorities:
    """Who goes on in one random schedule; the same seed and number always give the same one."""

    def __init__(self, seed: int, number: int, points: int, changes: int) -> None:
        self._random = random.Random(f"{seed} {number}")  # noqa: S311
        self._of: dict[int, float] = {}
        self._falls = {self._random.randrange(points) for _ in range(changes)}
        self._lowest = 0.0

    def choose(self, point: int, me: Strand, options: Sequence[Strand], *, yields: bool) -> int:
        """Return the number of the option to take: `me` is among them unless it can't go on."""
        for strand in options:
            if strand.id not in self._of:
                self._of[strand.id] = self._random.random()
        if yields or point in self._falls:
            self._lowest -= 1.0
            self._of[me.id] = self._lowest
        return max(range(len(options)), key=lambda option: self._of[options[option].id])
