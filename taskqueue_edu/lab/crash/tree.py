"""The names of a disk in memory, and the log of all that is done to it."""

from __future__ import annotations

import errno
import functools
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from taskqueue_edu.lab.crash.effects import Content, Effect, Event, Log, Names, Place

ROOT: Final = "/simulated"
"""The path of the disk. Nothing on the real one is meant by it."""

MOST_CALLS: Final = 20_000
"""Calls, and events, after which a program is taken for one that never ends."""

_LONGEST: Final = 60  # characters

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T", bound="Tree")


class Runaway(BaseException):
    """The program makes more calls than it could need: an endless loop?"""

    def __str__(self) -> str:
        return str(self.__doc__)


def fail(number: int, *paths: str) -> OSError:
    """Return the error that the system would raise."""
    if len(paths) == 2:
        return OSError(number, os.strerror(number), paths[0], None, paths[1])
    return OSError(number, os.strerror(number), *paths)


@dataclass(eq=False)
class Node:
    """A file or (`names` is not None) a folder."""

    number: int
    names: dict[str, Node] | None = None
    data: bytearray = field(default_factory=bytearray)
    mode: int = 0o644
    changed: int = 0
    lockers: dict[int, bool] = field(default_factory=dict)

    @property
    def entries(self) -> dict[str, Node]:
        """The names in a folder."""
        assert self.names is not None
        return self.names


def atomic(method: Callable[Concatenate[_T, _P], _R]) -> Callable[Concatenate[_T, _P], _R]:
    """Let one thread at a time be in a method: the program under test may have several."""

    @functools.wraps(method)
    def call(self: _T, /, *args: _P.args, **options: _P.kwargs) -> _R:
        with self.lock:
            return method(self, *args, **options)

    return call


class Tree:
    """Files and folders by name.

    Each call takes paths that begin with ROOT and raises OSError as the real one does.
    """

    def __init__(self, start: Content, place: Callable[[], Place | None]) -> None:
        """Hold `start`; `place` says which line of the program is running."""
        # Held while anything of the disk is read or changed: its nodes, descriptors and log.
        self.lock = threading.RLock()
        self.log = Log(start)
        self.off = False
        """Once the run is over: nothing changes any more."""
        self._place = place
        self._calls = self._count = 0
        self._root = self._new(folder=True)
        nodes = {"": self._root}
        for path, data in start:
            above, _, name = path.rpartition("/")
            node = nodes[path] = self._new(folder=data is None)
            node.data[:] = data or b""
            nodes[above].entries[name] = node

    def _new(self, *, folder: bool) -> Node:
        node = Node(self._count, {} if folder else None)
        if folder:
            self.log.folders.add(node.number)
        self._count += 1
        return node

    # -- the log

    @atomic
    def note(self, /, what: str, text: str, *effects: Effect, **details: Any) -> None:
        """Add an event to the log."""
        if self.off:
            return
        if len(self.log.events) >= MOST_CALLS:
            raise Runaway
        event = Event(what, text, self._place(), effects=effects, **details)
        self.log.events.append(event)

    @atomic
    def tick(self) -> None:
        """Count a call, so that an endless loop ends."""
        self._calls += 1
        if self._calls > MOST_CALLS and not self.off:
            raise Runaway

    @atomic
    def content(self) -> Content:
        """Return what the kernel has: what a killed process leaves."""
        return tuple(self._walk(self._root, ""))

    def _walk(self, folder: Node, path: str) -> Iterator[tuple[str, bytes | None]]:
        for name, node in sorted((folder.names or {}).items()):
            yield path + name, None if node.names is not None else bytes(node.data)
            yield from self._walk(node, f"{path}{name}/")

    # -- paths

    def _parts(self, path: str) -> list[str]:
        return [part for part in path[len(ROOT) :].split("/") if part not in ("", ".")]

    def _find(self, path: str, *named: str) -> Node:
        """Return a file or folder. An error names the paths `named`, or else the path."""
        named = named or (path,)
        node, above = self._root, [self._root]
        for part in self._parts(path):
            names = node.names
            if names is None:
                raise fail(errno.ENOTDIR, *named)
            if part == "..":  # above the root is the root
                node = above.pop() if len(above) > 1 else self._root
            elif part in names:
                above.append(node)
                node = names[part]
            else:
                raise fail(errno.ENOENT, *named)
        if path.endswith("/") and node.names is None:
            raise fail(errno.ENOTDIR, *named)
        return node

    def _parent(self, path: str, *paths: str) -> tuple[Node, dict[str, Node], str]:
        """Return the folder that a path is in, its names, and the path's name in it."""
        parts = self._parts(path)
        if not parts:
            raise fail(errno.EBUSY, *(paths or (path,)))
        folder = self._find("/".join([ROOT, *parts[:-1]]), *(paths or (path,)))
        if folder.names is None or parts[-1] == "..":
            number = errno.ENOTDIR if folder.names is None else errno.EBUSY
            raise fail(number, *(paths or (path,)))
        return folder, folder.names, parts[-1]

    def _or_none(self, path: str) -> Node | None:
        try:
            return self._find(path)
        except FileNotFoundError:
            return None

    @atomic
    def exists(self, path: str) -> bool:
        """Tell whether there is a file or folder of that name."""
        try:
            self._find(path)
        except OSError:
            return False
        return True

    def _touch(self, node: Node) -> None:
        node.changed = len(self.log.events) + 1

    # -- names

    @atomic
    def rename(self, old: str, new: str) -> None:
        """Give a file or folder another name; what had that name is replaced."""
        source, names, name = self._parent(old, old, new)
        target, new_names, new_name = self._parent(new, old, new)
        if name not in names:
            raise fail(errno.ENOENT, old, new)
        node, replaced = names[name], new_names.get(new_name)
        if (old.endswith("/") or new.endswith("/")) and node.names is None:
            raise fail(errno.ENOTDIR, old, new)
        if target is node or _holds(node, target):
            raise fail(errno.EINVAL, old, new)
        if replaced is node:
            return
        if replaced is not None:
            if _holds(replaced, node):
                raise fail(errno.ENOTEMPTY, old, new)
            if (node.names is None) != (replaced.names is None):
                raise fail(errno.ENOTDIR if replaced.names is None else errno.EISDIR, old, new)
            if replaced.names:
                raise fail(errno.ENOTEMPTY, old, new)
        del names[name]
        new_names[new_name] = node
        effect = Names(
            ((source.number, name, None), (target.number, new_name, node.number)),
            moved=node.number,
            replaced=None if replaced is None else replaced.number,
        )
        self.note("rename", f"rename {short(old)} to {short(new)}", effect, path=new)
        self._touch(source)
        self._touch(target)

    @atomic
    def unlink(self, path: str) -> None:
        """Remove a file."""
        folder, names, name = self._parent(path)
        node = self._find(path)
        if node.names is not None:
            raise fail(errno.EISDIR, path)
        del names[name]
        effect = Names(((folder.number, name, None),), replaced=node.number)
        self.note("remove", f"remove {short(path)}", effect, path=path)
        self._touch(folder)

    @atomic
    def mkdir(self, path: str, mode: int = 0o777) -> None:
        """Make a folder."""
        if self.exists(path):
            raise fail(errno.EEXIST, path)
        folder, names, name = self._parent(path)
        node = names[name] = self._new(folder=True)
        node.mode = mode
        entry = Names(((folder.number, name, node.number),))
        self.note("mkdir", f"make the folder {short(path)}", entry, path=path)
        self._touch(folder)

    @atomic
    def rmdir(self, path: str) -> None:
        """Remove an empty folder."""
        folder, names, name = self._parent(path)
        node = self._find(path)
        if node.names is None:
            raise fail(errno.ENOTDIR, path)
        if node.names:
            raise fail(errno.ENOTEMPTY, path)
        del names[name]
        effect = Names(((folder.number, name, None),))
        self.note("remove", f"remove the folder {short(path)}", effect, path=path)
        self._touch(folder)


def _holds(folder: Node, node: Node) -> bool:
    return any(child is node or _holds(child, node) for child in (folder.names or {}).values())


# -- words


def short(path: str) -> str:
    """Return a path as the log names it."""
    return path[len(ROOT) :].strip("/")


def count(number: int, what: str) -> str:
    """Return "1 byte" or "2 bytes"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def shown(data: bytes) -> str:
    """Return bytes as they are written in Python, without the middle of many."""
    text = repr(data)[1:]
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"
    return text
