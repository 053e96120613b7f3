"""The functions of `os` and `fcntl`, and `open`, on a simulated disk."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import IO, Any, Final

from taskqueue_edu.lab.crash.mapped import Mapped
from taskqueue_edu.lab.crash.opening import open_file
from taskqueue_edu.lab.crash.system import System
from taskqueue_edu.lab.crash.tree import ROOT, fail

_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def on_disk(path: object) -> str | None:
    """Return a path as a string if it is one on the simulated disk."""
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    elif isinstance(path, PurePath) or hasattr(path, "__fspath__"):
        path = os.fsdecode(os.fspath(path))
    ours = isinstance(path, str) and (path == ROOT or path.startswith(f"{ROOT}/"))
    return path if ours else None  # type: ignore[return-value]


class _Entry:
    """What `os.scandir` yields."""

    def __init__(self, system: System, folder: str, name: str) -> None:
        self.name, self.path = name, os.path.join(folder, name)  # noqa: PTH118
        self._system = system

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"

    def _folder(self) -> bool:
        return self.stat().st_mode & 0o040000 != 0

    def is_dir(self, **_: Any) -> bool:
        return self._folder()

    def is_file(self, **_: Any) -> bool:
        return not self._folder()

    def is_symlink(self) -> bool:
        return False

    def inode(self) -> int:
        return self.stat().st_ino

    def stat(self, **_: Any) -> os.stat_result:
        return self._system.stat(self.path)


class _Scan:
    """The iterator and context manager that `os.scandir` returns."""

    def __init__(self, entries: list[_Entry]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> _Scan:
        return self

    def __next__(self) -> _Entry:
        return next(self._entries)

    def __enter__(self) -> _Scan:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())


def simulated(system: System) -> dict[str, Callable[..., Any]]:
    """Return what stands for the functions of `os` and `fcntl` on a simulated disk.

    Beside them are "open_file" for `open`, "FileIO" and "mmap". They take what the real ones take,
    without `dir_fd`, which is a part of the path by then.
    """

    def opened(file: str | int, *args: Any, **options: Any) -> Any:
        return open_file(system, file, *args, **options)

    def file_io(
        file: str | int, mode: str = "r", closefd: bool = True, opener: Any = None
    ) -> IO[Any]:
        binary = f"{mode.replace('b', '')}b"
        return open_file(system, file, binary, 0, closefd=closefd, opener=opener)

    def stat(path: str | int, **_: Any) -> os.stat_result:
        return system.stat(path)

    def unchanged(path: str | int, *_: Any, **__: Any) -> None:
        system.stat(path)

    def truncate(path: str | int, length: int) -> None:
        if isinstance(path, int):
            system.ftruncate(path, length)
        else:
            system.truncate(path, length)

    def scandir(path: str) -> _Scan:
        return _Scan([_Entry(system, path, name) for name in system.listdir(path)])

    def access(path: str, *_: Any, **__: Any) -> bool:
        return system.exists(path)

    def no(*_: Any, **__: Any) -> bool:
        return False

    def writev(descriptor: int, buffers: Iterable[Any]) -> int:
        return system.write(descriptor, b"".join(map(bytes, buffers)))

    def pwritev(descriptor: int, buffers: Iterable[Any], offset: int, _: int = 0) -> int:
        return system.pwrite(descriptor, b"".join(map(bytes, buffers)), offset)

    def mapped(descriptor: int, length: int, *args: Any, **options: Any) -> Mapped:
        return Mapped(system, descriptor, length, *args, **options)

    def dup2(descriptor: int, other: int, *_: Any, **__: Any) -> int:
        return system.dup2(descriptor, other)

    def refused(path: str, *_: Any, **__: Any) -> None:
        raise fail(errno.EPERM, path)  # as a disk does that has no such thing

    return {
        "open_file": opened,
        "FileIO": file_io,
        **dict.fromkeys(("fsync", "fdatasync"), system.fsync),
        **dict.fromkeys(("unlink", "remove"), system.unlink),
        **dict.fromkeys(("rename", "replace"), system.rename),
        **dict.fromkeys(("stat", "lstat", "fstat"), stat),
        **dict.fromkeys(("chmod", "fchmod", "utime"), unchanged),
        **dict.fromkeys(("link", "symlink", "mkfifo"), refused),
        **dict.fromkeys(("isatty", "get_inheritable"), no),
        "truncate": truncate,
        "scandir": scandir,
        "access": access,
        "dup2": dup2,
        "writev": writev,
        "pwritev": pwritev,
        "posix_fallocate": system.allocate,
        "mmap": mapped,
        "lockf": no,  # such a lock holds off other processes only, and there are none
        **{
            name: getattr(system, name)
            for name in (
                *("open", "close", "read", "pread", "write", "pwrite", "lseek", "ftruncate"),
                *("mkdir", "rmdir", "listdir", "flock", "dup"),
            )
        },
    }


_TWO_PATHS: Final = {"rename", "replace", "link", "symlink"}
_CHANGES: Final = _TWO_PATHS | {"unlink", "remove", "mkdir", "rmdir", "truncate", "mkfifo", "chmod"}


def routed(
    name: str, real: Callable[..., Any], simulated: Callable[..., Any], system: System
) -> Callable[..., Any]:
    """Return a function that calls the simulated one for what is on its disk, in every thread.

    In this thread it changes nothing that is not.
    """
    thread = threading.get_ident()
    paths = 2 if name in _TWO_PATHS else 1
    folders = ("src_dir_fd", "dst_dir_fd") if paths == 2 else ("dir_fd",)

    def call(*args: Any, **options: Any) -> Any:
        if system.off:
            return real(*args, **options)
        given = list(args)
        if len(given) < paths:  # they were named
            named = [key for key in options if not key.endswith("dir_fd")]
            given += [options.pop(key) for key in named[: paths - len(given)]]
        below = [options.get(key) for key in folders]
        ours = [_ours(system, what, folder) for what, folder in zip(given, below, strict=False)]
        if ours and None not in ours:
            system.tick()
            for key in folders:
                options.pop(key, None)
            return simulated(*ours, *given[paths:], **options)
        if any(path is not None for path in ours):
            raise fail(errno.EXDEV, *map(str, given[:paths]))
        if threading.get_ident() == thread and _changes(name, given, options):
            raise OSError(errno.EROFS, f"the lab has no disk but {ROOT}", str(given[0]))
        return real(*given, **options)

    return call


def _ours(system: System, what: object, folder: object = None) -> str | int | None:
    """Return what names a file on the simulated disk, or None. A path may be below `folder`."""
    if hasattr(what, "fileno"):  # os.fsync takes a file, too
        what = what.fileno()
    if isinstance(what, int):
        return what if what in system.descriptors else None
    if isinstance(folder, int) and folder in system.descriptors and isinstance(what, str | bytes):
        above = system.descriptors[folder].path
        what = os.path.join(above, os.fsdecode(what))  # noqa: PTH118 - what is absolute stays so
    return on_disk(what)


def _changes(name: str, given: list[Any], options: dict[str, Any]) -> bool:
    """Tell whether a call would change something on the real disk."""
    if not given or isinstance(given[0], int) or given[0] == os.devnull:
        return False
    if name == "open":
        return bool((given[1] if len(given) > 1 else options.get("flags", 0)) & _WRITES)
    if name in ("open_file", "FileIO"):
        mode = given[1] if len(given) > 1 else options.get("mode", "r")
        return bool(set("wax+") & set(mode))
    return name in _CHANGES
