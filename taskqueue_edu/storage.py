"""Where facts are kept: the interface of a store, and the store that keeps nothing.

A learner's own store needs these six names and no base class.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from taskqueue_edu.facts import RawFact

COMPACT_AT: Final = 64 * 2**20
"""Bytes of journal past which it is compacted by itself, if nothing else is said."""


class Storage(Protocol):
    """A sequence of facts that may outlive the process.

    `json` says what tasks and results the facts carry: JSON bytes if True, live objects if not.
    The registry calls `append` under its lock, so calls never overlap. `flush` and `sync` wait for
    the system, so they are called without it, by several threads at once. All three raise
    StorageError when the store can't keep its promise.
    """

    json: bool

    def load(self) -> Iterable[RawFact]:
        """Return the facts of earlier processes, oldest first. Called once, before `append`."""
        ...

    def append(self, fact: RawFact) -> int:
        """Add a fact; return its position, a number that grows, or 0 if it needs no flush."""
        ...

    def flush(self, position: int) -> None:
        """Return when all facts up to `position` survive the death of this process."""
        ...

    def sync(self, position: int) -> None:
        """Return when all facts up to `position` are as safe as the store promises."""
        ...

    def close(self) -> None:
        """Release what the store holds. Nothing is appended afterwards."""
        ...


class MemoryStore:
    """Keeps nothing: tasks live as long as the process, and results stay the objects they are."""

    json = False

    def load(self) -> Iterable[RawFact]:
        """Return no facts."""
        return ()

    def append(self, fact: RawFact) -> int:  # noqa: ARG002 - part of Storage
        """Do nothing."""
        return 0

    def flush(self, position: int) -> None:
        """Return at once."""

    def sync(self, position: int) -> None:
        """Return at once."""

    def close(self) -> None:
        """Do nothing."""
