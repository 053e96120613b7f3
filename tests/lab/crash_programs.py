"""Small programs that store something: eight with a bug each, and some that are right.

Each is a class with `run`, `recover` and `check`, as a learner would write them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from taskqueue_edu import facts
from taskqueue_edu.facts import Submission
from taskqueue_edu.journal import JsonStore
from taskqueue_edu.lab.crash import Acknowledged, log_kept, value_kept

Acknowledge = Callable[[Any], None]


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Log:
    """A log of lines, as it should be: the base of those that do one thing wrong."""

    check = staticmethod(log_kept)

    def __init__(self, folder: Path) -> None:
        self.path = folder / "log.jsonl"
        self.file = open(self.path, "ab")
        sync_folder(folder)

    def append(self, value: object) -> None:
        self.file.write(json.dumps(value).encode() + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())

    @classmethod
    def run(cls, folder: Path, acknowledge: Acknowledge) -> None:
        log = cls(folder)
        for word in ("one", "two"):
            log.append(word)
            acknowledge(word)
        log.file.close()

    @classmethod
    def recover(cls, folder: Path) -> list[Any]:
        """Return the values; cut off what doesn't make a whole line."""
        path, found, end = folder / "log.jsonl", [], 0
        if not path.exists():
            return []
        with open(path, "rb+") as file:
            for line in file:
                try:
                    if not line.endswith(b"\n"):
                        break
                    found.append(json.loads(line))
                except ValueError:
                    break
                end += len(line)
            file.truncate(end)
            os.fsync(file.fileno())
        return found


class NotFlushed(Log):
    """Acknowledges what is in Python's buffer."""

    def append(self, value: object) -> None:
        self.file.write(json.dumps(value).encode() + b"\n")


class NotSynced(Log):
    """Acknowledges what the kernel has."""

    def append(self, value: object) -> None:
        self.file.write(json.dumps(value).encode() + b"\n")
        self.file.flush()


class Closed(Log):
    """Closes the file, and takes that for safe."""

    def append(self, value: object) -> None:
        with open(self.path, "ab") as file:
            file.write(json.dumps(value).encode() + b"\n")


class NoFolderSync(Log):
    """Makes a file and never syncs its folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "log.jsonl"
        self.file = open(self.path, "ab")


class TornRaises(Log):
    """Takes each line for whole."""

    @classmethod
    def recover(cls, folder: Path) -> list[Any]:
        path = folder / "log.jsonl"
        return [json.loads(line) for line in path.open()] if path.exists() else []


class TornStays(Log):
    """Passes over a torn line, and leaves it where the next one is added to it."""

    @classmethod
    def recover(cls, folder: Path) -> list[Any]:
        path, found = folder / "log.jsonl", []
        for line in path.open("rb") if path.exists() else ():
            try:
                found.append(json.loads(line))
            except ValueError:
                pass
        return found


class Retries(Log):
    """Tries a failed fsync again."""

    def append(self, value: object) -> None:
        self.file.write(json.dumps(value).encode() + b"\n")
        self.file.flush()
        try:
            os.fsync(self.file.fileno())
        except OSError:
            os.fsync(self.file.fileno())


class Ignores(Log):
    """Takes a failed fsync for a detail."""

    def append(self, value: object) -> None:
        self.file.write(json.dumps(value).encode() + b"\n")
        self.file.flush()
        try:
            os.fsync(self.file.fileno())
        except OSError:
            pass


class AppliesFirst(Log):
    """Shows what it has not stored yet."""

    @classmethod
    def run(cls, folder: Path, acknowledge: Acknowledge) -> None:
        log, done = cls(folder), []
        for word in ("one", "two"):
            done.append(word)
            acknowledge(done[-1])  # whoever looks now sees it
            log.append(word)


class Saved:
    """A value that is replaced as a whole, as it should be."""

    check = staticmethod(value_kept)
    files = {"value.json": b'"old"'}

    @classmethod
    def save(cls, path: Path, value: str) -> None:
        new = path.with_name("value.new")
        with open(new, "w") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
        sync_folder(path.parent)

    @classmethod
    def run(cls, folder: Path, acknowledge: Acknowledge) -> None:
        for value in ("new", "newer"):
            cls.save(folder / "value.json", value)
            acknowledge(value)

    @classmethod
    def recover(cls, folder: Path) -> Any:
        return json.loads((folder / "value.json").read_text())


class SavedAnew(Saved):
    """Empties the only copy, and writes it anew."""

    @classmethod
    def save(cls, path: Path, value: str) -> None:
        with open(path, "w") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())


class SavedOver(Saved):
    """Writes over the only copy."""

    @classmethod
    def save(cls, path: Path, value: str) -> None:
        with open(path, "rb+") as file:
            file.write(json.dumps(value.rjust(8)).encode())
            file.truncate()
            file.flush()
            os.fsync(file.fileno())

    @classmethod
    def run(cls, folder: Path, acknowledge: Acknowledge) -> None:
        cls.save(folder / "value.json", "newer")
        acknowledge("   newer")


class RemovedFirst(Saved):
    """Removes the old file to make room for the new one."""

    @classmethod
    def save(cls, path: Path, value: str) -> None:
        new = path.with_name("value.new")
        with open(new, "w") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        os.remove(path)
        os.rename(new, path)
        sync_folder(path.parent)


class FileNotSynced(Saved):
    """Renames a file whose bytes are still with the kernel."""

    @classmethod
    def save(cls, path: Path, value: str) -> None:
        new = path.with_name("value.new")
        new.write_text(json.dumps(value))
        os.replace(new, path)
        sync_folder(path.parent)


class NothingSynced(Saved):
    """Renames, and syncs nothing at all."""

    @classmethod
    def save(cls, path: Path, value: str) -> None:
        new = path.with_name("value.new")
        new.write_text(json.dumps(value))
        new.replace(path)


class FolderNotSynced(Saved):
    """Leaves the new name to the kernel."""

    @classmethod
    def save(cls, path: Path, value: str) -> None:
        new = path.with_name("value.new")
        with open(new, "w") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)


class Counter:
    """A log of steps and a snapshot of their sum, as it should be."""

    @classmethod
    def run(cls, folder: Path, acknowledge: Acknowledge) -> None:
        log = open(folder / "log.txt", "ab")
        sync_folder(folder)
        total = cls.recover(folder)
        for number in (1, 2, 3):
            total += 1
            log.write(b"%08d\n" % total)
            log.flush()
            os.fsync(log.fileno())
            acknowledge(total)
            if number == 2:
                log.close()
                cls.snapshot(folder, total)
                log = open(folder / "log.txt", "ab")
                sync_folder(folder)

    @classmethod
    def snapshot(cls, folder: Path, total: int) -> None:
        cls.write(folder, total)
        os.remove(folder / "log.txt")

    @classmethod
    def write(cls, folder: Path, total: int) -> None:
        new = folder / "snapshot.new"
        with open(new, "w") as file:
            file.write(str(total))
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, folder / "snapshot.txt")
        sync_folder(folder)

    @classmethod
    def recover(cls, folder: Path) -> int:
        total, log = 0, folder / "log.txt"
        if (folder / "snapshot.txt").exists():
            total = int((folder / "snapshot.txt").read_text())
        end = 0
        if log.exists():
            with open(log, "rb+") as file:
                for line in file:
                    if len(line) < 9 or not line.strip().isdigit():
                        break
                    total, end = max(total, int(line)), end + len(line)
                file.truncate(end)
                os.fsync(file.fileno())
        return total

    @staticmethod
    def check(acknowledged: Acknowledged, recovered: int) -> None:
        last = acknowledged[-1] if acknowledged else acknowledged.before
        assert recovered in (last, last + 1), f"{last} was acknowledged, {recovered} is there"


class LogRemovedFirst(Counter):
    """Makes room before the snapshot is there."""

    @classmethod
    def snapshot(cls, folder: Path, total: int) -> None:
        os.remove(folder / "log.txt")
        cls.write(folder, total)


class LogEmptiedFirst(Counter):
    """Empties the log before the snapshot is there."""

    @classmethod
    def snapshot(cls, folder: Path, total: int) -> None:
        open(folder / "log.txt", "w").close()
        cls.write(folder, total)


class LogRemovedEarly(Counter):
    """Removes the log before the snapshot's name is on the disk."""

    @classmethod
    def write(cls, folder: Path, total: int) -> None:
        new = folder / "snapshot.new"
        with open(new, "w") as file:
            file.write(str(total))
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, folder / "snapshot.txt")


class Journal:
    """The library's own store, with a compaction on its way."""

    @staticmethod
    def run(folder: Path, acknowledge: Acknowledge) -> None:
        store = JsonStore(folder / "jobs", sync="always", compact_at=None)
        try:
            known = sum(kind != facts.CARRIED for kind, *_ in store.load())
            for number in range(known + 1, known + 4):
                payload = b'{"number":%d}' % number
                task_id = f"{'0' * 12}-{number}"
                fact = (facts.SUBMITTED, task_id, 10**18, "t", Submission("t", None, payload))
                store.sync(store.append(fact))
                acknowledge(task_id)
                if number == known + 2:
                    store.compact()
        finally:
            store.close()

    @staticmethod
    def recover(folder: Path) -> list[str]:
        store = JsonStore(folder / "jobs", sync="always", compact_at=None)
        try:
            return [task_id for kind, task_id, *_ in store.load() if kind != facts.CARRIED]
        finally:
            store.close()

    check = staticmethod(log_kept)


class ShortWrite(Log):
    """Takes it for granted that a write takes all bytes."""

    def __init__(self, folder: Path) -> None:
        self.descriptor = os.open(
            folder / "log.jsonl", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600
        )
        sync_folder(folder)

    def append(self, value: object) -> None:
        os.write(self.descriptor, json.dumps(value).encode() + b"\n")
        os.fsync(self.descriptor)

    @classmethod
    def run(cls, folder: Path, acknowledge: Acknowledge) -> None:
        log = cls(folder)
        for word in ("one", "two"):
            log.append(word)
            acknowledge(word)
        os.close(log.descriptor)


BUGS: dict[type, str] = {
    NotFlushed: "write without fsync acknowledged",
    NotSynced: "write without fsync acknowledged",
    Closed: "write without fsync acknowledged",
    FileNotSynced: "rename without fsync of the file",
    NothingSynced: "rename without fsync of the file",
    FolderNotSynced: "without fsync of the folder",
    NoFolderSync: "without fsync of the folder",
    SavedAnew: "overwrite in place",
    SavedOver: "overwrite in place",
    RemovedFirst: "old file removed first",
    TornRaises: "torn last line",
    TornStays: "torn last line",
    Retries: "retry after a failed fsync",
    Ignores: "failed fsync ignored",
    AppliesFirst: "state applied before stored",
    LogRemovedFirst: "snapshot removes the log first",
    LogEmptiedFirst: "snapshot removes the log first",
    LogRemovedEarly: "snapshot removes the log first",
}
RIGHT: tuple[type, ...] = (Log, Saved, Counter)
