"""The newest facts, in order: what the monitor reads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias

from taskqueue_edu.facts import KINDS, RawFact
from taskqueue_edu.record import TaskRecord

Block: TypeAlias = tuple[Any, ...]
"""Some facts in a row, entry after entry.

The entries of a fact are the code of its kind, the task's id, when it happened, who did it, the
task's type, and since when: see `taskqueue_edu.facts`.
"""

CODES: Final = {kind: code for code, kind in enumerate(KINDS)}
"""The number that stands for a kind in the log: so a column of kinds is bytes."""

_WIDTH: Final = 6  # entries of a fact


class Columns(NamedTuple):
    """Three entries of some facts in a row: what rates and latencies are made of."""

    kinds: bytes
    times: tuple[int, ...]
    since: tuple[int, ...]


def columns(block: Block) -> Columns:
    """Return what the columns of a block hold."""
    return Columns(bytes(block[::_WIDTH]), block[2::_WIDTH], block[5::_WIDTH])


def ids(block: Block) -> tuple[str, ...]:
    """Return whose facts they are."""
    return block[1::_WIDTH]


def entries(block: Block) -> Iterator[tuple[int, str, int, str, str, int]]:
    """Return the facts of a block one by one."""
    return zip(*[iter(block)] * _WIDTH, strict=True)


def size(block: Block) -> int:
    """Return how many facts a block holds."""
    return len(block) // _WIDTH


def rows(blocks: Iterable[Block]) -> list[RawFact]:
    """Return the facts of some blocks as they are elsewhere."""
    return [
        (KINDS[code], task_id, at, who, since)
        for block in blocks
        for code, task_id, at, who, _, since in entries(block)
    ]


class FactLog:
    """Facts by number, from 0 on. Past `limit` of them the oldest are dropped, a block at a time.

    A fact is no tuple in here but six entries of a list, and a full list becomes one tuple. For
    the garbage collector looks at every new tuple: with three of them a task it takes 1.5 of the
    7.9 µs that a no-op costs, and without them 0.5 of 7.5. And whoever reads the log gets the
    tuples as they are, however many facts there are. Whoever calls `add` or `since` holds the
    lock that guards the log.
    """

    def __init__(self, limit: int, block: int = 1_000) -> None:
        """Keep the last `limit` facts, and less than a `block` more."""
        self._most = -(-limit // block)  # blocks
        self._full = block * _WIDTH
        self._blocks: deque[Block] = deque()
        self._dropped = 0  # blocks
        self._last: list[Any] = []

    def add(self, code: int, record: TaskRecord, at: int, who: str, since: int) -> None:
        """Add a fact about the task of `record`. It keeps no task, result or exception alive."""
        last = self._last
        last += code, record.id, at, who, record.type, since
        if len(last) == self._full:
            self._blocks.append(tuple(last))
            last.clear()
            if len(self._blocks) > self._most:
                self._blocks.popleft()
                self._dropped += 1

    def since(self, cursor: int) -> tuple[list[Block], int]:
        """Return the facts from number `cursor` on that are kept, and the number after the last."""
        dropped = self._dropped * self._full
        end = dropped + len(self._blocks) * self._full + len(self._last)
        start = min(max(cursor * _WIDTH, dropped), end)
        first, inside = divmod(start - dropped, self._full)
        blocks = [*islice(self._blocks, first, None), tuple(self._last)]
        blocks[0] = blocks[0][inside:]
        return [block for block in blocks if block], end // _WIDTH
