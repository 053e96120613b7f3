"""When two schedules have come to the same state: they differ only in what doesn't matter.

Two operations *conflict* if they touch the same object and one of them changes it. Swap two
neighbors that don't conflict, and the program notices nothing: what each thread has seen is the
same (Mazurkiewicz, 1977; "happens before" in Lamport, 1978). So each thread carries a number, its
`past`, into which every operation mixes the past of what it touches. If the pasts of all threads
are the same in two schedules, then the order of all conflicting operations was, and so is the
state. It need not be explored twice.

The pasts are hashes of integers only, which don't depend on PYTHONHASHSEED.
"""

from __future__ import annotations

from collections.abc import Hashable

_MASK = (1 << 61) - 1


class History:
    """What has happened to each object."""

    __slots__ = ("_of",)

    def __init__(self) -> None:
        self._of: dict[Hashable, list[int]] = {}

    def write(self, key: Hashable, past: int) -> int:
        """Change the object; return the past of a thread that had `past`."""
        entry = self._of.get(key)
        if entry is None:
            entry = self._of[key] = [0, 0]
        entry[0] = past = hash((past, entry[0], entry[1]))
        entry[1] = 0
        return past

    def read(self, key: Hashable, past: int) -> int:
        """Look at the object; return the past of a thread that had `past`."""
        entry = self._of.get(key)
        if entry is None:
            entry = self._of[key] = [0, 0]
        past = hash((past, entry[0]))
        # A sum: readers don't conflict, so their order must not show.
        entry[1] = (entry[1] + past) & _MASK
        return past
