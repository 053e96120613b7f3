"""The newest facts, in order: what the monitor reads."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Any, Final

from taskqueue_edu.facts import RawFact

_WIDTH: Final = 5  # entries of a fact


class FactLog:
    """Facts by number, from 0 on. Past `limit` of them the oldest are dropped, a block at a time.

    A fact is no tuple in here but five entries of a list, and a full list becomes one tuple. For
    the garbage collector looks at every new tuple: with three of them a task it takes 1.5 of the
    7.9 µs that a no-op costs, and without them 0.5 of 7.5. Whoever calls `add` holds the lock
    that guards the log.
    """

    def __init__(self, limit: int, block: int = 1_000) -> None:
        """Keep the last `limit` facts, and less than a `block` more."""
        self._most = -(-limit // block)  # blocks
        self._full = block * _WIDTH
        self._blocks: deque[tuple[Any, ...]] = deque()
        self._dropped = 0  # blocks
        self._last: list[Any] = []

    def add(self, kind: str, task_id: str, at: int, who: str, detail: Any) -> None:
        """Add a fact."""
        last = self._last
        last += kind, task_id, at, who, detail
        if len(last) == self._full:
            self._blocks.append(tuple(last))
            last.clear()
            if len(self._blocks) > self._most:
                self._blocks.popleft()
                self._dropped += 1

    def since(self, cursor: int) -> tuple[list[RawFact], int]:
        """Return the facts from number `cursor` on that are kept, and the number after the last."""
        dropped = self._dropped * self._full
        end = dropped + len(self._blocks) * self._full + len(self._last)
        start = min(max(cursor * _WIDTH, dropped), end)
        first, inside = divmod(start - dropped, self._full)
        entries: list[Any] = []
        for part in (*islice(self._blocks, first, None), self._last):
            entries += part[inside:] if inside else part
            inside = 0
        each = iter(entries)
        return list(zip(each, each, each, each, each, strict=True)), end // _WIDTH
