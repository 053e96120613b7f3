"""A file system in memory that does what Linux does."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from taskqueue_edu.lab.crash.effects import Content, Names, Place, Resize, Write
from taskqueue_edu.lab.crash.tree import Node, Tree, atomic, count, fail, short

FIRST_DESCRIPTOR: Final = 2**30
"""Larger than any that the system gives out."""

_MADE: Final = 1_700_000_000


@dataclass(eq=False)
class Opened:
    """What a descriptor stands for: a file, and where in it the next read or write is."""

    number: int
    """No two have the same."""
    node: Node
    path: str
    flags: int
    at: int = 0

    @property
    def reads(self) -> bool:
        return self.flags & os.O_ACCMODE in (os.O_RDONLY, os.O_RDWR)

    @property
    def writes(self) -> bool:
        return self.flags & os.O_ACCMODE in (os.O_WRONLY, os.O_RDWR)


@dataclass(frozen=True)
class Fault:
    """The sync, or the write, with that number (from 1 on) fails. After the write the disk is full.

    A write that fails takes half of its bytes first, as a disk does that has room for no more.
    """

    kind: str
    number: int


class System(Tree):
    """Files and who has them open."""

    def __init__(
        self, start: Content, place: Callable[[], Place | None], fault: Fault | None = None
    ) -> None:
        """Hold `start`. `fault` says which call is to fail."""
        super().__init__(start, place)
        self.fault = fault
        self.faulted = 0
        """How many events there were when the fault came; 0 if it has not come."""
        self.syncs = self.writes = 0
        self.descriptors: dict[int, Opened] = {}
        self._full = False
        self._opens = 0

    def _opened(self, descriptor: int) -> Opened:
        try:
            return self.descriptors[descriptor]
        except KeyError:
            raise fail(errno.EBADF) from None

    # -- files

    @atomic
    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        """Return a descriptor."""
        descriptor = next(n for n in _numbers() if n not in self.descriptors)
        creates, node = flags & os.O_CREAT, self._or_none(path)
        if node is None:
            if not creates:
                self._find(path)
            folder, names, name = self._parent(path)
            if path.endswith("/"):
                raise fail(errno.EISDIR, path)
            if name in names:  # the path goes on below a file
                raise fail(errno.ENOTDIR, path)
            node = names[name] = self._new(folder=False)
            node.mode = mode
            entry = Names(((folder.number, name, node.number),))
            self.note("create", f"create {short(path)}", entry, path=path)
            self._touch(folder)
        elif creates and flags & os.O_EXCL:
            raise fail(errno.EEXIST, path)
        elif node.names is None and flags & getattr(os, "O_DIRECTORY", 0):
            raise fail(errno.ENOTDIR, path)
        self._opens += 1
        opened = Opened(self._opens, node, path, flags)
        if node.names is not None and (creates or opened.writes or flags & os.O_TRUNC):
            raise fail(errno.EISDIR, path)
        self.descriptors[descriptor] = opened
        if flags & os.O_TRUNC:
            self._resize(opened, 0)
        return descriptor

    @atomic
    def close(self, descriptor: int) -> None:
        """Close a descriptor."""
        opened = self._opened(descriptor)
        del self.descriptors[descriptor]
        if opened not in self.descriptors.values():
            opened.node.lockers.pop(opened.number, None)
            if opened.writes:
                self.note("close", f"close {short(opened.path)}", path=opened.path)

    @atomic
    def dup2(self, descriptor: int, other: int) -> int:
        """Make `other` stand for the same."""
        opened = self._opened(descriptor)
        if other != descriptor:
            if other in self.descriptors:
                self.close(other)
            self.descriptors[other] = opened
        return other

    @atomic
    def dup(self, descriptor: int) -> int:
        """Return another descriptor for the same."""
        return self.dup2(descriptor, next(n for n in _numbers() if n not in self.descriptors))

    def _readable(self, descriptor: int) -> Opened:
        opened = self._opened(descriptor)
        if not opened.reads:
            raise fail(errno.EBADF)
        if opened.node.names is not None:
            raise fail(errno.EISDIR)
        return opened

    @atomic
    def read(self, descriptor: int, size: int) -> bytes:
        """Read from where the descriptor is."""
        opened = self._readable(descriptor)
        data = self.pread(descriptor, size, opened.at)
        opened.at += len(data)
        return data

    @atomic
    def pread(self, descriptor: int, size: int, at: int) -> bytes:
        """Read at a place."""
        if size < 0 or at < 0:
            raise fail(errno.EINVAL)
        opened = self._readable(descriptor)
        return bytes(opened.node.data[at : at + size])

    @atomic
    def write(self, descriptor: int, data: bytes) -> int:
        """Write where the descriptor is."""
        opened = self._opened(descriptor)
        end = len(opened.node.data)
        at = end if opened.flags & os.O_APPEND else opened.at
        count = self.pwrite(descriptor, data, at)
        opened.at = at + count
        return count

    @atomic
    def pwrite(self, descriptor: int, data: bytes, at: int) -> int:
        """Write at a place; with O_APPEND at the end all the same, as Linux does."""
        opened = self._opened(descriptor)
        if at < 0:
            raise fail(errno.EINVAL)
        if not opened.writes:
            raise fail(errno.EBADF)
        data, node = bytes(data), opened.node
        if not data or self.off:
            return len(data)
        data = self._room(opened, data)
        if opened.flags & os.O_APPEND:
            at = len(node.data)
        self._put(opened, at, data, f"write {count(len(data), 'byte')} to {short(opened.path)}")
        if opened.flags & os.O_DSYNC:  # O_SYNC has that bit, too
            self._sync(opened, f"the write to {short(opened.path)} is on the disk (O_SYNC)")
        return len(data)

    @atomic
    def store(self, descriptor: int, data: bytes, at: int) -> None:
        """Put bytes over others through a map of the file: it never grows for it."""
        opened = self._opened(descriptor)
        path = short(opened.path)
        self._put(opened, at, data, f"store {count(len(data), 'byte')} in the map of {path}")

    def _put(self, opened: Opened, at: int, data: bytes, text: str) -> None:
        node = opened.node
        effect = Write(node.number, at, data, len(node.data))
        if at > len(node.data):
            node.data.extend(bytes(at - len(node.data)))
        node.data[at : at + len(data)] = data
        where = f", over what is at byte {at}" if effect.over else ""
        stream = opened.number
        self.note("write", text + where, effect, path=opened.path, stream=stream, data=data)
        self._touch(node)

    def _room(self, opened: Opened, data: bytes) -> bytes:
        """Return what of the data the disk has room for."""
        if not self._full:
            self.writes += 1
            if self.fault != Fault("enospc", self.writes):
                return data
            self._full = True
            half = data[: len(data) // 2]
            room = f"there is room for {count(len(half), 'byte')}, then " if half else ""
            text = f"write to {short(opened.path)}: {room}the disk is full (ENOSPC)"
            self.note("full", text)
            self.faulted = len(self.log.events)
            if half:
                return half
        raise fail(errno.ENOSPC)

    @atomic
    def allocate(self, descriptor: int, offset: int, length: int) -> None:
        """Make sure that the file is so long, with zeros."""
        opened = self._opened(descriptor)
        if offset < 0 or length <= 0:
            raise fail(errno.EINVAL)
        if not opened.writes:
            raise fail(errno.EBADF)
        self._resize(opened, max(len(opened.node.data), offset + length))

    @atomic
    def lseek(self, descriptor: int, offset: int, whence: int) -> int:
        """Move to a place."""
        opened = self._opened(descriptor)
        bases = {os.SEEK_SET: 0, os.SEEK_CUR: opened.at, os.SEEK_END: len(opened.node.data)}
        if whence not in bases or bases[whence] + offset < 0:
            raise fail(errno.EINVAL)
        opened.at = bases[whence] + offset
        return opened.at

    @atomic
    def ftruncate(self, descriptor: int, size: int) -> None:
        """Cut the file off, or make it longer."""
        opened = self._opened(descriptor)
        if not opened.writes or size < 0:
            raise fail(errno.EINVAL)
        self._resize(opened, size)

    @atomic
    def truncate(self, path: str, size: int) -> None:
        """Do the same with a path."""
        node = self._find(path)
        if node.names is not None:
            raise fail(errno.EISDIR, path)
        if size < 0:
            raise fail(errno.EINVAL, path)
        self._resize(Opened(0, node, path, os.O_WRONLY), size)

    def _resize(self, opened: Opened, size: int) -> None:
        node, before = opened.node, len(opened.node.data)
        if size == before or self.off:
            return
        del node.data[size:]
        node.data.extend(bytes(size - len(node.data)))
        text = f"empty {short(opened.path)}" if not size else ""
        text = text or f"set the length of {short(opened.path)} from {before} to {size} bytes"
        self.note("resize", text, Resize(node.number, before, size), path=opened.path)
        self._touch(node)

    @atomic
    def fsync(self, descriptor: int) -> None:
        """Return when the file, or the folder's list of names, is on the disk."""
        opened = self._opened(descriptor)
        folder = opened.node.names is not None
        self._sync(opened, f"fsync {'the folder ' if folder else ''}{short(opened.path)}".rstrip())

    def _sync(self, opened: Opened, text: str) -> None:
        self.syncs += 1
        if self.fault == Fault("eio", self.syncs) and not self.off:
            self.note("sync", f"{text}: fails (EIO)", failed=opened.node.number, path=opened.path)
            self.faulted = len(self.log.events)
            raise fail(errno.EIO)
        self.note("sync", text, synced=opened.node.number, path=opened.path)

    @atomic
    def listdir(self, path: str | int) -> list[str]:
        """Return the names in a folder, sorted: an order, unlike that of a real one."""
        node = self._node(path)
        if node.names is None:
            raise fail(errno.ENOTDIR, *([path] if isinstance(path, str) else []))
        return sorted(node.names)

    def _node(self, path: str | int) -> Node:
        return self._opened(path).node if isinstance(path, int) else self._find(path)

    @atomic
    def stat(self, path: str | int) -> os.stat_result:
        """Describe a file or folder. Times are the number of the event that changed it."""
        node = self._node(path)
        folder = node.names is not None
        mode = (stat.S_IFDIR if folder else stat.S_IFREG) | (node.mode & 0o777)
        size = 4096 if folder else len(node.data)
        when = _MADE + node.changed
        basic = (mode, node.number + 1, 1, 1, os.getuid(), os.getgid(), size, when, when, when)
        times = {f"st_{kind}time_ns": when * 10**9 for kind in "amc"}
        return os.stat_result(basic, {**times, "st_blksize": 4096, "st_blocks": -(-size // 512)})

    # -- locks

    @atomic
    def flock(self, descriptor: int, operation: int) -> None:
        """Take or give up the lock on an opened file."""
        opened = self._opened(descriptor)
        lockers = opened.node.lockers
        if operation & fcntl.LOCK_UN:
            lockers.pop(opened.number, None)
            return
        exclusive = bool(operation & fcntl.LOCK_EX)
        others = [held for number, held in lockers.items() if number != opened.number]
        if any(exclusive or held for held in others):
            # To wait would be for ever: there is no other process that could let it go.
            raise fail(errno.EWOULDBLOCK if operation & fcntl.LOCK_NB else errno.EDEADLK)
        lockers[opened.number] = exclusive


def _numbers() -> Iterator[int]:
    number = FIRST_DESCRIPTOR
    while True:
        yield number
        number += 1
