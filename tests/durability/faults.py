"""A layer between the store and the system that can fail, kill, or cut the power at any call.

It replaces the functions of `taskqueue_edu.files` through which all writing goes. It also plays
the disk: what a power cut leaves is the bytes that were synced, under the names that were.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taskqueue_edu import files

CALLS = ("write_all", "sync_data", "sync_folder", "rename", "truncate")


class Killed(BaseException):
    """The process ends here. No code may handle it: whatever is done after it is not done."""


class Layer:
    """Counts the calls, and at number `at` does what `fault` says:

    eio, enospc     the call fails, and nothing was done
    short           half the bytes are written, then the disk is full
    kill            the process ends before the call
    kill-half       it ends after half of the bytes
    kill-after      it ends after the call
    power, power-after    the machine goes off before or after the call: what was not synced is lost

    A kill leaves a copy of the folder as it is then in `frozen`.
    """

    def __init__(self) -> None:
        self.at = 0
        self.fault = ""
        self.frozen = Path()
        self.folder = Path()
        self.count = 0
        self.calls: list[str] = []
        self.hit = ""
        self.retried: list[str] = []
        self.watching = False
        self._dead = False
        self._lock = threading.RLock()
        self._real: dict[str, Callable[..., Any]] = {}
        self._on_disk: dict[int, bytes] = {}
        self._names: dict[str, int] = {}
        self._failed: set[int] = set()
        self._held: list[int] = []

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in CALLS:
            self._real[name] = getattr(files, name)
            monkeypatch.setattr(files, name, self._wrapped(name))

    def watch(self, folder: Path, frozen: Path, fault: str = "", at: int = 0) -> None:
        """Count the calls from now on; all that is in `folder` counts as on the disk."""
        self.folder, self.frozen, self.fault, self.at = folder, frozen, fault, at
        self.count, self.calls, self.hit, self.retried = 0, [], "", []
        self._dead = False
        self._on_disk, self._names, self._failed = {}, {}, set()
        for path in folder.glob("*") if folder.exists() else ():
            if path.is_file():
                inode = path.stat().st_ino
                self._on_disk[inode] = path.read_bytes()
                self._names[path.name] = inode
        self.watching = True

    def rest(self) -> None:
        """Do nothing any more: what comes now belongs to another process."""
        self.watching = self._dead = False
        while self._held:
            os.close(self._held.pop())

    def _wrapped(self, name: str) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            if not self.watching:
                return self._real[name](*args)
            with self._lock:
                return self._call(name, args)

        return call

    def _call(self, name: str, args: tuple[Any, ...]) -> None:
        if self._dead:
            raise Killed
        self.count += 1
        self.calls.append(name)
        fault = self.fault if self.count == self.at else ""
        if name == "sync_data":
            self._note_retry(args[0])
        if fault:
            self.hit = name
        if fault in ("eio", "enospc"):
            if name == "sync_data":
                self._failed.add(self._hold(args[0]))
            raise _error(errno.EIO if fault == "eio" else errno.ENOSPC)
        if fault in ("short", "kill-half") and name == "write_all":
            self._real[name](args[0], bytes(args[1])[: len(args[1]) // 2])
            if fault == "short":
                raise _error(errno.ENOSPC)
            self._kill()
        if fault == "short":
            raise _error(errno.ENOSPC)
        if fault in ("kill", "kill-half"):
            self._kill()
        if fault == "power":
            self._cut_power()
        self._do(name, args)
        if fault == "kill-after":
            self._kill()
        if fault == "power-after":
            self._cut_power()

    def _do(self, name: str, args: tuple[Any, ...]) -> None:
        if name == "sync_data":
            inode = self._hold(args[0])
            self._on_disk[inode] = Path(f"/proc/self/fd/{args[0]}").read_bytes()
        elif name == "sync_folder":
            if args[0] == self.folder:
                self._names = {
                    path.name: path.stat().st_ino for path in args[0].iterdir() if path.is_file()
                }
        else:
            self._real[name](*args)

    def _hold(self, descriptor: int) -> int:
        """Keep the file's number from being given to another file."""
        inode = os.fstat(descriptor).st_ino
        if inode not in self._on_disk and inode not in self._failed:
            self._held.append(os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC))
        return inode

    def _note_retry(self, descriptor: int) -> None:
        if os.fstat(descriptor).st_ino in self._failed:
            self.retried.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    def _kill(self) -> None:
        if self.folder.exists():
            shutil.copytree(self.folder, self.frozen, ignore=_no_pipes)
        self._dead = True
        raise Killed

    def _cut_power(self) -> None:
        self.power_cut(self.frozen)
        self._dead = True
        raise Killed

    def power_cut(self, target: Path) -> None:
        """Make `target` the folder that a power cut now would leave."""
        target.mkdir(mode=0o700)
        for name, inode in self._names.items():
            (target / name).write_bytes(self._on_disk.get(inode, b""))


def _no_pipes(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if (Path(folder) / name).is_fifo()]


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
