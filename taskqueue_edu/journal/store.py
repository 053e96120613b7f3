"""The store that survives the process."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal, TypeAlias

from taskqueue_edu import facts, files
from taskqueue_edu.errors import ConfigError, StorageError
from taskqueue_edu.facts import RawFact
from taskqueue_edu.journal import format as lines

Sync: TypeAlias = Literal["process", "always"]
SYNC_LEVELS: Final = ("process", "always")


class JsonStore:
    """Appends facts to `journal.jsonl` in a folder that this process owns while it is open.

    With `sync="process"` a fact survives the death of the process once `append` has returned:
    the kernel has its bytes. With `"always"` it also survives the machine's, once `sync` has
    returned: then one thread, the leader, syncs the file for all who wait (group commit).
    """

    json = True

    def __init__(self, folder: str | os.PathLike[str], *, sync: Sync = "process") -> None:
        """Own the folder (made if need be). Raises StoreLocked, StorageError, ConfigError."""
        if sync not in SYNC_LEVELS:
            raise ConfigError(f"sync is {sync!r}, expected one of {', '.join(SYNC_LEVELS)}")
        self.folder = Path(folder)
        self.path = self.folder / "journal.jsonl"
        self.torn: Path | None = None
        """Where the bytes of a torn last line were kept, if there was one."""
        self._always = sync == "always"
        files.private_folder(self.folder)
        self._lock = files.FolderLock(self.folder)
        try:
            self._file = files.open_private(self.path, os.O_CREAT | os.O_RDWR | os.O_APPEND)
        except BaseException:
            self._lock.release()
            raise
        self._seq = 0
        # `_end` is the length of what was written; the registry's lock guards both. `_synced`,
        # guarded by `_leader`, is the length of what is known to be on the disk.
        self._end = 0
        self._leader = threading.Lock()
        self._synced = 0
        self._broken: StorageError | None = None

    def load(self) -> Iterable[RawFact]:
        """Return the facts in the journal; cut a torn last line off, and keep its bytes.

        Raises JournalDamaged, StorageError.
        """
        with files.storage_errors("read", self.path):
            found = lines.scan(self.path.read_bytes(), self.path)
            if found.torn:
                self.torn = self.folder / f"torn-{found.end}.bin"
                self.torn.write_bytes(found.torn)
                os.ftruncate(self._file, found.end)
            if found.seq < 0:
                first = lines.header(facts.now())
                files.write_all(self._file, first)
                found.end, found.seq = len(first), 0
            files.sync_data(self._file)
            files.sync_folder(self.folder)
        self._seq, self._end = found.seq, found.end
        self._synced = found.end
        return found.facts

    def append(self, fact: RawFact) -> int:
        """Write a fact; return the length of the journal then. Raises StorageError."""
        if self._broken is not None:
            raise self._broken
        line = lines.encode(self._seq + 1, fact)
        try:
            with files.storage_errors("write to", self.path):
                files.write_all(self._file, line)
        except StorageError as error:
            self._broken = error
            raise
        self._seq += 1
        self._end += len(line)
        return self._end

    def sync(self, position: int) -> None:
        """Return when the journal up to `position` is as safe as promised. Raises StorageError."""
        if not self._always:
            if self._broken is not None:
                raise self._broken
            return
        with self._leader:
            # Whoever waited here meanwhile may find that the leader before synced for it too.
            if self._synced >= position:
                return
            if self._broken is not None:
                raise self._broken
            end = self._end
            try:
                with files.storage_errors("sync", self.path):
                    files.sync_data(self._file)
            except StorageError as error:
                # Never tried again: after a failed fsync the kernel may have dropped the
                # pages, and the next one would report success for bytes that are gone.
                self._broken = error
                raise
            self._synced = end

    def close(self) -> None:
        """Give the folder up."""
        os.close(self._file)
        self._lock.release()
