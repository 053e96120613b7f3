"""`mmap` of a file on the simulated disk."""

from __future__ import annotations

import errno
import mmap
from typing import Any

from taskqueue_edu.lab.crash.system import System
from taskqueue_edu.lab.crash.tree import fail


class Mapped(mmap.mmap):
    """A file in memory: what is stored there, the kernel has at once, and the disk once flushed.

    It holds a copy. What is written to the file by other ways later, it doesn't show.
    """

    _system: System
    _descriptor: int
    _offset: int
    _access: int
    _known: bytes
    """What the file holds, as far as this map has told it."""

    def __new__(
        cls,
        system: System,
        descriptor: int,
        length: int,
        flags: int = mmap.MAP_SHARED,
        prot: int = mmap.PROT_READ | mmap.PROT_WRITE,
        access: int = mmap.ACCESS_DEFAULT,
        offset: int = 0,
        **_: Any,
    ) -> Mapped:
        """Map `length` bytes from `offset` on; with 0, all that follow."""
        size = system.stat(descriptor).st_size - offset
        if offset % mmap.ALLOCATIONGRANULARITY:
            raise fail(errno.EINVAL)
        if size <= 0 and not length:
            raise ValueError("cannot mmap an empty file")
        if length > size:
            raise ValueError("mmap length is greater than file size")
        if access == mmap.ACCESS_DEFAULT:
            private = flags & mmap.MAP_PRIVATE
            shared = mmap.ACCESS_COPY if private else mmap.ACCESS_WRITE
            access = shared if prot & mmap.PROT_WRITE else mmap.ACCESS_READ
        opened = system.descriptors[descriptor]
        if not opened.reads or (access == mmap.ACCESS_WRITE and not opened.writes):
            raise fail(errno.EACCES)
        self = super().__new__(cls, -1, length or size)
        self._system, self._offset, self._access = system, offset, access
        self._descriptor = system.dup(descriptor)
        self._known = bytes(opened.node.data[offset : offset + len(self)])
        super().__setitem__(self, slice(None), self._known)
        return self

    def _check(self) -> None:
        if self._access == mmap.ACCESS_READ:
            raise TypeError("mmap can't modify a readonly memory map.")

    def _settle(self) -> None:
        """Let the kernel have what was stored since the last time."""
        old, new = self._known, self[:]
        if old == new or self._access != mmap.ACCESS_WRITE:
            return
        changed = [n for n, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1]]
        start, end = changed[0], changed[-1] + 1
        self._known = new
        self._system.store(self._descriptor, new[start:end], self._offset + start)

    def __setitem__(self, place: Any, value: Any) -> None:
        self._check()
        super().__setitem__(place, value)
        self._settle()

    def write(self, data: Any) -> int:
        self._check()
        written = super().write(data)
        self._settle()
        return written

    def write_byte(self, byte: int) -> None:
        self._check()
        super().write_byte(byte)
        self._settle()

    def move(self, dest: int, src: int, count: int) -> None:
        self._check()
        super().move(dest, src, count)
        self._settle()

    def resize(self, newsize: int) -> None:
        raise NotImplementedError(
            "the lab can't simulate resize of a mapped file: your code may be right, but only "
            "os.ftruncate and a new map can be tried"
        )

    def size(self) -> int:
        return self._system.stat(self._descriptor).st_size

    def flush(self, *_: int) -> None:
        """Return when it is on the disk: all of it, also if only a part is asked for."""
        self._settle()
        if self._access == mmap.ACCESS_WRITE:
            self._system.fsync(self._descriptor)

    def close(self) -> None:
        if not self.closed:
            self._settle()
            super().close()
            self._system.close(self._descriptor)
