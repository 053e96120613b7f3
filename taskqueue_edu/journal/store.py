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
        self._closed = False

    def load(self) -> Iterable[RawFact]:
        """Return the facts in the journal; cut a torn last line off, and keep its bytes.

        Raises JournalDamaged, StorageError.
        """
        with files.storage_errors("read", self.path):
            found = lines.scan(self.path.read_bytes(), self.path)
            if found.torn:
                self.torn = self.folder / f"torn-{found.end}.bin"
                files.append_synced(self.torn, found.torn)
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
        end = self._end + len(line)
        try:
            with files.storage_errors("write to", self.path):
                files.write_all(self._file, line)
            self._seq, self._end = self._seq + 1, end
        except StorageError as error:
            self._broken = error
            raise
        except BaseException:  # Ctrl-C: the line may be there, in part or whole
            self._broken = StorageError(f"a write to {self.path} was interrupted")
            os.ftruncate(self._file, self._end)
            self._broken = None
            raise
        return end

    def sync(self, position: int) -> None:
        """Return when the journal up to `position` is as safe as promised. Raises StorageError."""
        if not self._always:
            return  # `append` saw to it; what goes wrong later can't undo that
        with self._leader:
            # Whoever waited here meanwhile may find that the leader before synced for it too.
            if self._synced < position:
                self._sync_file()

    def _sync_file(self) -> None:
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
        """Give the folder up; closing twice is fine. Raises StorageError if the last sync fails.

        Whoever waits in `sync` meanwhile is served first.
        """
        with self._leader:
            if self._closed:
                return
            self._closed = True
            try:
                if self._always and self._synced < self._end and self._broken is None:
                    self._sync_file()
            finally:
                self._broken = self._broken or StorageError(f"{self.path} is closed")
                os.close(self._file)
                self._lock.release()
