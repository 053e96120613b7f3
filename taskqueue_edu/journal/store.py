"""The store that survives the process."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal, TypeAlias

from taskqueue_edu import facts, files
from taskqueue_edu.errors import ConfigError, JournalDamaged, StorageError
from taskqueue_edu.facts import RawFact
from taskqueue_edu.journal import lines
from taskqueue_edu.journal.quarantine import Quarantine, Quarantined
from taskqueue_edu.journal.report import RecoveryReport
from taskqueue_edu.journal.scan import Scan, scan, scan_file
from taskqueue_edu.journal.snapshot import snapshot
from taskqueue_edu.ledger import RETAIN
from taskqueue_edu.locks import wait_out
from taskqueue_edu.storage import COMPACT_AT

log: Final = logging.getLogger("taskqueue_edu")

Sync: TypeAlias = Literal["process", "interval", "always"]
SYNC_LEVELS: Final = ("process", "interval", "always")

NAME: Final = "journal.jsonl"
NEW_NAME: Final = "journal.new"
_GROWTH: Final = 4


def _tell_nobody(_: StorageError) -> None:
    pass


def _let_go(stored: list[RawFact]) -> Iterator[RawFact]:
    """Yield the facts, and keep none: what follows from them needs the room."""
    stored.reverse()
    while stored:
        yield stored.pop()


class JsonStore:
    """Appends facts to `journal.jsonl` in a folder that this process owns while it is open.

    A fact survives the death of the process once `flush` has returned: the kernel has its bytes.
    Whether it survives the machine's depends on `sync`: with "always" it does once `sync` has
    returned, with "interval" after `interval` seconds at most, with "process" when the kernel
    sees fit. Either way one thread works for all who wait: it writes, or syncs, what the others
    have added by then (group commit).
    """

    json = True

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        sync: Sync = "process",
        interval: float = 1.0,
        retain: int = RETAIN,
        retain_seconds: float | None = None,
        compact_at: int | None = COMPACT_AT,
    ) -> None:
        """Own the folder (made if need be).

        Compaction keeps `retain` finished tasks, of the last `retain_seconds`, and comes by
        itself once the journal has more than `compact_at` bytes and 4 times what the last one
        left (None: never). Raises StoreLocked, StorageError, ConfigError.
        """
        if sync not in SYNC_LEVELS:
            raise ConfigError(f"sync is {sync!r}, expected one of {', '.join(SYNC_LEVELS)}")
        if not interval > 0:
            raise ConfigError(f"interval is {interval!r}, expected more than 0 seconds")
        self.folder = Path(folder)
        self.path = self.folder / NAME
        self.report = RecoveryReport(self.folder)
        self._always = sync == "always"
        self._retain, self._retain_seconds = retain, retain_seconds
        self._compact_at = self._least = compact_at
        files.private_folder(self.folder)
        self._lock = files.FolderLock(self.folder)
        try:
            self._file = files.open_private(self.path, os.O_CREAT | os.O_RDWR | os.O_APPEND)
        except BaseException:
            self._lock.release()
            raise
        # A position is the length that the journal would have without compaction, so it grows for
        # ever. `append`, whose calls never overlap, changes the next three: the number of the last
        # line, its position, and the lines to be written, each with its position.
        self._seq = self._added = 0
        self._waiting: deque[tuple[int, bytes]] = deque()
        # `_writing` guards the file and the next two: the position up to which it is written, and
        # by how much compaction has made it shorter.
        self._writing = threading.Lock()
        self._taken = False  # see `wait_out`
        self._written = self._taken_off = 0
        # `_turn` guards `_leading`: true while one thread, the leader, syncs or replaces the
        # file. Only the leader changes `_synced`, the position up to which all is on the disk.
        # Notified when it is done.
        self._turn = threading.Condition()
        self._leading = False
        self._synced = 0
        self._broken: StorageError | None = None
        self.on_failure: Callable[[StorageError], None] = _tell_nobody
        """Called, without a lock, when the journal broke in something else than an `append`."""
        self._closed = False
        self._compacting = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        if sync == "interval":
            self._start(self._sync_now_and_then, interval)

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, name="taskqueue-store", daemon=True)  # type: ignore[arg-type]
        thread.start()
        self._threads = [thread, *(t for t in self._threads if t.is_alive())]

    # -- opening

    def load(self, *, repair: bool = False) -> Iterable[RawFact]:
        """Return the facts in the journal, once what is damaged in it has been put aside.

        `report` says what was found. Raises StorageError for a journal of another program or a
        newer version; JournalDamaged for a line that has the right checksum and can't be read,
        unless `repair` says to put that aside too.
        """
        try:
            return self._load(repair)
        except StorageError as error:
            self._broken = error  # nor does `close` try a failed sync again
            raise

    def _load(self, repair: bool) -> Iterator[RawFact]:
        with files.storage_errors("read", self.path):
            (self.folder / NEW_NAME).unlink(missing_ok=True)  # a compaction that was not completed
            found = self._scan()
            if not repair:
                self._refuse_sealed(found)
            self._put_aside(found)
            if found.header is None and not found.facts and not found.damage:
                first = lines.header(facts.now())
                files.write_all(self._file, first)
                found.end, found.seq = len(first), 0
            self._seq, self._added, self._written = found.seq, found.end, found.end
            if found.damage or found.gaps or found.version != lines.VERSION:
                self.report.ignored = self._compact()[2]
                found = self._scan()
                self._seq = found.seq
            files.sync_data(self._file)
            files.sync_folder(self.folder)
        self._synced = self._written
        self.report.facts = len(found.facts)
        return _let_go(found.facts)

    def _scan(self) -> Scan:
        with self.path.open("rb") as file:
            return scan_file(file, self.path)

    def _refuse_sealed(self, found: Scan) -> None:
        for damage in found.damage:
            if damage.sealed:
                raise JournalDamaged(
                    f"{self.path}, byte {damage.offset}: the line is as it was written, but this "
                    f"program can't read it: {damage.reason}",
                    hint=f"use the program that wrote it, or put such lines aside with "
                    f"`taskqueue doctor --repair {self.folder}`; nothing was changed yet.",
                )

    def _put_aside(self, found: Scan) -> None:
        report = self.report
        Quarantine(self.folder).keep(
            Quarantined.of(NAME, offset, data, reason) for offset, data, reason, _ in found.damage
        )
        report.quarantined = [(offset, reason) for offset, _, reason, _ in found.damage]
        report.gaps, report.duplicates = found.gaps, found.duplicates
        if found.torn:
            report.torn = self.folder / f"torn-{found.end}.bin"
            report.torn_bytes = len(found.torn)
            files.append_synced(report.torn, found.torn)
            files.truncate(self._file, found.end)

    # -- writing

    def _length(self) -> int:
        return self._written - self._taken_off

    def append(self, fact: RawFact) -> int:
        """Add a fact, to be written by `flush`; return its position."""
        line = lines.encode(self._seq + 1, fact)
        position = self._added + len(line)
        self._waiting.append((position, line))
        self._seq += 1
        self._added = position
        return position

    def flush(self, position: int) -> None:
        """Return when the facts up to `position` are in the file. Raises StorageError."""
        if self._written >= position:
            return
        if self._taken:
            wait_out(self._writing)
        with self._writing:
            self._taken = True
            if self._written < position:  # else another thread has written them by now
                self._write()
            compact = self._compact_at is not None and self._length() > self._compact_at
            if compact:
                self._compact_at = None
            self._taken = False
        if compact:
            self._start(self._compact_by_itself)

    def _write(self) -> None:
        """Write all lines that wait. The caller holds `_writing`."""
        if self._broken is not None:
            raise self._broken
        waiting = self._waiting
        while waiting and waiting[0][0] <= self._written:
            waiting.popleft()
        if not waiting:
            return
        data = b"".join([line for _, line in waiting.copy()])
        try:
            files.write_all(self._file, data)
        except OSError as error:
            self._broken = files.storage_error("write to", self.path, error)
            raise self._broken from error
        except BaseException:  # Ctrl-C: the lines may be there, in part or whole
            self._broken = StorageError(f"a write to {self.path} was interrupted")
            files.truncate(self._file, self._length())
            self._broken = None
            raise
        self._written += len(data)

    def sync(self, position: int) -> None:
        """Return when the journal up to `position` is as safe as promised. Raises StorageError."""
        if self._always:
            self.sync_disk(position)
        else:
            self.flush(position)

    def sync_disk(self, position: int | None = None) -> None:
        """Return when the journal up to `position` (None: all of it) is on the disk.

        One thread at a time syncs, for all whose facts are written by then. Raises StorageError.
        """
        if position is None:
            position = self._added
        try:
            with self._lead(position) as leads:
                if leads:  # else the leader before synced for this thread too
                    self._sync_file()
        except StorageError as error:
            self.on_failure(error)
            raise

    @contextmanager
    def _lead(self, position: int | None = None) -> Iterator[bool]:
        """Keep others from syncing; or yield False, once all up to `position` is on the disk."""
        leads = False
        try:
            with self._turn:
                self._turn.wait_for(
                    lambda: not self._leading or (position is not None and self._synced >= position)
                )
                leads = position is None or self._synced < position  # before the flag: Ctrl-C
                self._leading = self._leading or leads
            yield leads
        finally:
            if leads:
                with self._turn:
                    self._leading = False
                    self._turn.notify_all()

    def _sync_file(self) -> None:
        with self._writing:
            self._write()
            position = self._written
        try:
            with files.storage_errors("sync", self.path):
                files.sync_data(self._file)
        except StorageError as error:
            # Never tried again: after a failed fsync the kernel may have dropped the
            # pages, and the next one would report success for bytes that are gone.
            self._broken = error
            raise
        self._synced = position

    def _sync_now_and_then(self, interval: float) -> None:
        while not self._stop.wait(interval):
            with suppress(StorageError):  # `on_failure` was told, and the next `append` says so
                self.sync_disk()

    # -- compaction

    def compact(self) -> tuple[int, int]:
        """Make the journal one line a task; return its length in bytes before and after.

        The queue may run meanwhile: what is written during the work is copied over at the end.
        A process that dies in between leaves either the old journal or the new one. Raises
        StorageError; unless the folder itself could not be synced, the old journal goes on.
        """
        try:
            return self._compact()[:2]
        except StorageError:
            if self._broken is not None:
                self.on_failure(self._broken)
            raise

    def _compact(self) -> tuple[int, int, int]:
        """Compact; return the length before and after, and how many facts fit no life of a task."""
        with self._compacting:
            new_path = self.folder / NEW_NAME
            with self._writing:
                self._write()
                end = self._length()
            with files.storage_errors("compact", self.path):
                old = files.read_range(self._file, 0, end)
                found = scan(old, self.path)
                data, misfits = snapshot(found, self._retain, self._retain_seconds)
                # The new journal will not have them.
                Quarantine(self.folder).keep(
                    Quarantined.of(NAME, -1, lines.encode(0, fact), why) for fact, why in misfits
                )
                flags = os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_TRUNC
                new = files.open_private(new_path, flags)
                try:
                    files.write_all(new, data)
                    files.sync_data(new)  # the most of it, while others may write
                    with self._lead(), self._writing:
                        self._replace(new, new_path, end, len(data))
                except BaseException:
                    new_path.unlink(missing_ok=True)
                    raise
                finally:
                    os.close(new)
            return end, len(data), len(misfits)

    def _replace(self, new: int, new_path: Path, end: int, length: int) -> None:
        if self._broken is not None:
            raise self._broken
        files.write_all(new, files.read_range(self._file, end, self._length()))
        files.sync_data(new)
        # Until the name is on the disk: after Ctrl-C in between, `_file` might be the file that no
        # longer has a name; after a power cut the old journal might be back, without what follows.
        self._broken = StorageError(f"the new name of {self.path} may not be on the disk")
        try:
            files.rename(new_path, self.path)
        except OSError:
            self._broken = None  # the old journal goes on
            raise
        os.dup2(new, self._file, inheritable=False)
        self._taken_off += end - length
        files.sync_folder(self.folder)
        self._synced = self._written
        self._broken = None

    def _compact_by_itself(self) -> None:
        try:
            before, after = self.compact()
            log.info("%s: compacted from %s to %s bytes", self.path, f"{before:,}", f"{after:,}")
        except StorageError as error:
            if not self._closed:
                log.warning("the journal could not be compacted: %s", error.message)
        self._compact_at = max(self._least or 0, _GROWTH * self._length())

    def close(self) -> None:
        """Give the folder up; closing twice is fine. Raises StorageError if the last sync fails.

        Whoever waits in `sync` meanwhile is served first.
        """
        self._stop.set()
        with self._compacting, self._lead():
            if self._closed:
                return
            self._closed = True
            try:
                if self._synced < self._added and self._broken is None:
                    self._sync_file()
            finally:
                self._broken = self._broken or StorageError(f"{self.path} is closed")
                os.close(self._file)
                self._lock.release()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
