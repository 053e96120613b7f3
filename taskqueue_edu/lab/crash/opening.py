"""`open` on the simulated disk: the standard library's own buffers over a file of ours."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from typing import IO, Any, Final

from taskqueue_edu.lab.crash.system import System
from taskqueue_edu.lab.crash.tree import count, fail, short

BUFFER: Final = 4096
"""The bytes that Python collects before it writes: those of a block on ext4, at each version."""


class Raw(io.RawIOBase):
    """An opened file without a buffer."""

    name: str | int
    mode: str

    def __init__(self, system: System, descriptor: int, mode: str, *, closes: bool) -> None:
        self._system, self._descriptor, self._closes = system, descriptor, closes
        self.mode = mode

    def note(self, data: bytes) -> None:
        """Log that bytes were given to the buffer above this file."""
        opened = self._system.descriptors.get(self._descriptor)
        if data and opened is not None:
            text = f"put {count(len(data), 'byte')} into Python's buffer for {short(opened.path)}"
            self._system.note("buffer", text, path=opened.path, stream=opened.number, data=data)

    def fileno(self) -> int:
        self._check()
        return self._descriptor

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")

    def readable(self) -> bool:
        self._check()
        return self._system.descriptors[self._descriptor].reads

    def writable(self) -> bool:
        self._check()
        return self._system.descriptors[self._descriptor].writes

    def seekable(self) -> bool:
        self._check()
        return True

    def readinto(self, buffer: Any) -> int:
        self._check()
        if not self.readable():
            raise io.UnsupportedOperation("File not open for reading")
        data = self._system.read(self._descriptor, len(memoryview(buffer).cast("B")))
        memoryview(buffer).cast("B")[: len(data)] = data
        return len(data)

    def write(self, data: Any) -> int:
        self._check()
        if not self._system.off and not self.writable():
            raise io.UnsupportedOperation("File not open for writing")
        view = memoryview(data).cast("B")
        # A file object that outlives the run empties its buffer: too late, and into nothing.
        return len(view) if self._system.off else self._system.write(self._descriptor, bytes(view))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._check()
        return self._system.lseek(self._descriptor, offset, whence)

    def tell(self) -> int:
        return self.seek(0, os.SEEK_CUR)

    def truncate(self, size: int | None = None) -> int:
        self._check()
        if not self.writable():
            raise io.UnsupportedOperation("File not open for writing")
        size = self.tell() if size is None else size
        self._system.ftruncate(self._descriptor, size)
        return size

    def close(self) -> None:
        if not self.closed:
            super().close()
            if self._closes and self._descriptor in self._system.descriptors:
                self._system.close(self._descriptor)


class _Writer(io.BufferedWriter):
    def write(self, data: Any, /) -> int:
        self.raw.note(bytes(data))  # type: ignore[attr-defined]
        return super().write(data)


class _Random(io.BufferedRandom):
    def write(self, data: Any, /) -> int:
        self.raw.note(bytes(data))  # type: ignore[attr-defined]
        return super().write(data)


class _Text(io.TextIOWrapper):
    def write(self, text: str, /) -> int:
        if isinstance(text, str):
            self.buffer.raw.note(text.encode(self.encoding, self.errors or "strict"))  # type: ignore[attr-defined]
        return super().write(text)


_FLAGS: Final = {
    "r": os.O_RDONLY,
    "w": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    "a": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    "x": os.O_WRONLY | os.O_CREAT | os.O_EXCL,
}


def open_file(
    system: System,
    file: str | int,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Callable[[str, int], int] | None = None,
) -> IO[Any]:
    """Do as the builtin does, with a path or a descriptor of the simulated disk."""
    kind = _check_mode(mode, buffering, encoding, errors, newline)
    flags = _FLAGS[kind] | os.O_CLOEXEC
    if "+" in mode:
        flags = flags & ~os.O_ACCMODE | os.O_RDWR
    if isinstance(file, int):
        descriptor = file
    elif not closefd:
        raise ValueError("Cannot use closefd=False with file name")
    else:
        descriptor = opener(file, flags) if opener else system.open(file, flags, 0o666)
    try:
        opened = system.descriptors[descriptor]
        if opened.node.names is not None:
            raise fail(errno.EISDIR, *([file] if isinstance(file, str) else []))
        if kind == "a":
            opened.at = len(opened.node.data)
        raw_mode = f"{kind}b{'+' if '+' in mode else ''}".replace("wb+", "rb+")
        raw = Raw(system, descriptor, raw_mode, closes=closefd)
        raw.name = file
    except BaseException:
        if not isinstance(file, int):
            system.close(descriptor)
        raise
    return _wrapped(raw, mode, kind, buffering, encoding, errors, newline)


def _wrapped(
    raw: Raw,
    mode: str,
    kind: str,
    buffering: int,
    encoding: str | None,
    errors: str | None,
    newline: str | None,
) -> IO[Any]:
    if buffering == 0:
        return raw  # type: ignore[return-value]
    size = buffering if buffering > 1 else BUFFER
    binary = "b" in mode  # else the text layer notes what is written
    buffered: Any
    if "+" in mode:
        buffered = (_Random if binary else io.BufferedRandom)(raw, size)
    elif kind == "r":
        buffered = io.BufferedReader(raw, size)
    else:
        buffered = (_Writer if binary else io.BufferedWriter)(raw, size)
    if binary:
        return buffered  # type: ignore[no-any-return]
    text = _Text(buffered, encoding, errors, newline, line_buffering=buffering == 1)
    text.mode = mode  # type: ignore[misc]
    return text


def _check_mode(
    mode: str, buffering: int, encoding: str | None, errors: str | None, newline: str | None
) -> str:
    """Return the one of r, w, a, x; raise what the builtin raises for what makes no sense."""
    kinds = [letter for letter in mode if letter in _FLAGS]
    if set(mode) - set("rwaxbt+") or len(mode) > len(set(mode)):
        raise ValueError(f"invalid mode: {mode!r}")
    if {"b", "t"} <= set(mode):
        raise ValueError("can't have text and binary mode at once")
    if len(kinds) != 1:
        raise ValueError("must have exactly one of create/read/write/append mode")
    if "b" in mode and not encoding is errors is newline is None:
        raise ValueError("binary mode doesn't take an encoding, errors or newline argument")
    if "b" not in mode and buffering == 0:
        raise ValueError("can't have unbuffered text I/O")
    return kinds[0]
