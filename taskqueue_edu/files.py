"""The only code that differs between platforms: private folders, whole writes, syncing, locks."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from taskqueue_edu.errors import StorageError, StoreLocked

_NOT_OURS: Final = "look at who put it there, and take it away."


def storage_error(doing: str, path: Path, error: OSError) -> StorageError:
    """Return the StorageError that says what was being done to which file."""
    translated = StorageError(f"can't {doing} {path}: {error.strerror or error}")
    translated.errno = error.errno
    return translated


@contextmanager
def storage_errors(doing: str, path: Path) -> Iterator[None]:
    """Turn an OSError into that StorageError."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        raise storage_error(doing, path, error) from error


def private_folder(folder: Path) -> None:
    """Make `folder` (0700) if it is not there. Raises StorageError; a symlink is refused."""
    with storage_errors("use the folder", folder):
        if folder.is_symlink():
            raise StorageError(
                f"{folder} is a symbolic link", hint="name the folder that it points to."
            )
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(folder.parent)  # else a power cut could take the whole folder away


def open_private(path: Path, flags: int) -> int:
    """Open a file (0600) and return its descriptor.

    Raises StorageError: for a symlink, too, and for whatever else is no regular file.
    """
    with storage_errors("open", path):
        return _open_regular(path, flags)


def _open_regular(path: Path, flags: int) -> int:
    # O_NONBLOCK: to open a FIFO would be to wait for its other end.
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise StorageError(f"{path} is a symbolic link", hint=_NOT_OURS) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise StorageError(f"{path} is not a regular file", hint=_NOT_OURS)
    return descriptor


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`: one `write` call may take only a part of it. Raises OSError."""
    while data:
        written = os.write(descriptor, data)
        if written == 0:
            raise OSError(errno.EIO, "the file takes no more bytes")
        data = data[written:]


def write_whole(path: Path, data: bytes) -> None:
    """Write a private file that is there whole and on the disk, or not at all.

    Raises StorageError.
    """
    # A name of its own: two processes may write the same file at once.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    with storage_errors("write", path):
        try:
            append_synced(temporary, data)
            rename(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def rename(old: Path, new: Path) -> None:
    """Give a file another name, in one step; a file of that name is replaced. Raises OSError."""
    old.replace(new)


def truncate(descriptor: int, length: int) -> None:
    """Cut a file off after `length` bytes. Raises OSError."""
    os.ftruncate(descriptor, length)


def read_range(descriptor: int, start: int, end: int) -> bytes:
    """Return the bytes of a file from `start` to `end`. Raises OSError if there are not so many."""
    parts = []
    while start < end:
        part = os.pread(descriptor, min(end - start, 2**26), start)
        if not part:
            raise OSError(errno.EIO, "the file is shorter than it was")
        parts.append(part)
        start += len(part)
    return b"".join(parts)


def read_limited(path: Path, limit: int) -> bytes:
    """Return a file's bytes, `limit` at most. Raises StorageError, FileNotFoundError.

    Whatever is no regular file is refused, and so is a file of more bytes.
    """
    with storage_errors("read", path):
        try:
            descriptor = _open_regular(path, os.O_RDONLY)
        except FileNotFoundError as error:
            missing = error
        else:
            with os.fdopen(descriptor, "rb") as file:
                data = file.read(limit + 1)
            if len(data) > limit:
                raise StorageError(f"{path} has more than {limit:,} bytes")
            return data
    raise missing


def append_synced(path: Path, data: bytes) -> None:
    """Add `data` to a private file; return when it is on the disk. Raises StorageError, OSError."""
    descriptor = open_private(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    try:
        write_all(descriptor, data)
        sync_data(descriptor)
    finally:
        os.close(descriptor)


def sync_data(descriptor: int) -> None:
    """Return when the file's bytes are on the disk. Raises OSError."""
    if hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Return when the folder's list of names is on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Holder(msgspec.Struct):
    pid: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


class FolderLock:
    """Makes this process the one owner of a folder, until `release` or its death.

    The lock is an advisory `flock` on a file of its own, which the system takes away with the
    process, even after `kill -9`. What the file says only tells a human who holds it.
    """

    def __init__(self, folder: Path) -> None:
        """Take the lock. Raises StoreLocked at once if somebody else has it, StorageError."""
        if sys.platform == "win32":
            raise StorageError(
                "a persistent queue needs file locks that Windows doesn't have",
                hint="use TaskQueue() without a folder, or WSL.",
            )
        import fcntl

        path = folder / "lock"
        self._descriptor = open_private(path, os.O_CREAT | os.O_RDWR)
        try:
            with storage_errors("lock", path):
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                me = _Holder(os.getpid(), socket.gethostname(), time.strftime("%F %T"))
                os.ftruncate(self._descriptor, 0)
                os.pwrite(self._descriptor, msgspec.json.encode(me) + b"\n", 0)
        except StorageError as error:
            holder = os.pread(self._descriptor, 1000, 0)
            os.close(self._descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise _locked(folder, holder) from None
            raise

    def release(self) -> None:
        """Give the folder up."""
        import fcntl

        # Not by closing alone: a process that another thread forks just now has a copy.
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)


def _locked(folder: Path, holder: bytes) -> StoreLocked:
    try:
        who = msgspec.json.decode(holder, type=_Holder)
    except (msgspec.DecodeError, RecursionError):
        return StoreLocked(f"{folder} is in use by another process")
    if who.pid == os.getpid():
        return StoreLocked(
            f"{folder} is already open in this process, since {who.since}",
            hint="use that queue, or close it first: queue.close(). In a notebook, a queue that "
            "an earlier cell opened counts; restarting the kernel closes it too.",
        )
    return StoreLocked(
        f"{folder} is in use by {who}",
        hint="wait for it, or stop it: a journal has one owner at a time.",
    )


def owner(folder: Path) -> str:
    """Say which process owns a folder, as "process 1234 on host, since ..."; "" if none does.

    To try the lock would be to take it, and to be in the way of an owner that comes just then.
    So this asks the system who has it, or where it doesn't tell, whether that process is there.
    """
    try:
        data = read_limited(folder / "lock", 1_000)
        who = msgspec.json.decode(data, type=_Holder)
        file = (folder / "lock").stat().st_ino
    except (OSError, StorageError, msgspec.DecodeError, RecursionError):
        return ""
    return str(who) if _holds(who, file) else ""


def _holds(who: _Holder, file: int) -> bool:
    if who.host != socket.gethostname():
        return True  # on a shared disk: nobody here can tell
    with suppress(OSError):
        # 1: FLOCK  ADVISORY  WRITE 7592 fe:00:2146786 0 EOF
        held = (line.split() for line in Path("/proc/locks").read_text().splitlines())
        return any(
            words[1] == "FLOCK" and words[4] == str(who.pid) and words[5].endswith(f":{file}")
            for words in held
        )
    try:
        os.kill(who.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # there is one, and it is another user's
        pass
    return True
