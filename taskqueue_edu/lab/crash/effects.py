"""What a program has done to the disk so far: a log of events, each with its effects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

Content: TypeAlias = tuple[tuple[str, bytes | None], ...]
"""What a disk holds: each path below its root with the file's bytes, or None for a folder."""

ROOT_NODE: Final = 0


@dataclass(frozen=True, slots=True, eq=False)
class Write:
    """Bytes that were written into a file that had `before` bytes."""

    node: int
    at: int
    data: bytes
    before: int

    @property
    def grows(self) -> bool:
        """Whether the file is longer for it."""
        return self.at + len(self.data) > self.before

    @property
    def over(self) -> bool:
        """Whether it took the place of other bytes."""
        return self.at < self.before


@dataclass(frozen=True, slots=True, eq=False)
class Resize:
    """A file that was cut off, or made longer with zeros."""

    node: int
    before: int
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """Entries of folders that changed in one step: the name of a node, or None for a name gone.

    `moved` is the node that a rename gave another name, `replaced` the one that lost its name.
    """

    entries: tuple[tuple[int, str, int | None], ...]
    moved: int | None = None
    replaced: int | None = None


Effect: TypeAlias = Write | Resize | Names


@dataclass(frozen=True, slots=True)
class Place:
    """A line of source."""

    file: str
    line: int


@dataclass(slots=True)
class Event:
    """One thing that the program did."""

    what: str
    """buffer, write, resize, create, rename, remove, mkdir, sync, close or acknowledge."""
    text: str
    place: Place | None = None
    path: str = ""
    effects: tuple[Effect, ...] = ()
    synced: int | None = None
    """The file or folder whose changes are on the disk from here on."""
    failed: int | None = None
    """The file or folder that could not be synced."""
    stream: int = 0
    """Which opened file the bytes went through, for `buffer` and `write`."""
    data: bytes = b""
    value: Any = None

    @property
    def counts(self) -> bool:
        """Whether a crash after it differs from one before it."""
        return bool(self.effects) or self.what in ("sync", "acknowledge")


@dataclass
class Log:
    """All events of one run, and what the disk held before it.

    The nodes of `start` are numbered as `numbered` does it.
    """

    start: Content
    events: list[Event] = field(default_factory=list)
    folders: set[int] = field(default_factory=set)
    """The numbers of all folders that there ever were."""

    def acknowledged(self, until: int | None = None) -> list[Any]:
        """Return what was acknowledged in the first `until` events."""
        return [event.value for event in self.events[:until] if event.what == "acknowledge"]


def numbered(content: Content) -> tuple[dict[int, bytes], dict[int, dict[str, int]]]:
    """Return the bytes of each file and the names in each folder, by number. The root is 0."""
    files: dict[int, bytes] = {}
    names: dict[int, dict[str, int]] = {ROOT_NODE: {}}
    folders = {"": ROOT_NODE}
    for node, (path, data) in enumerate(content, 1):
        parent, _, name = path.rpartition("/")
        names[folders[parent]][name] = node
        if data is None:
            folders[path] = node
            names[node] = {}
        else:
            files[node] = data
    return files, names
