"""What other processes want of a queue: files in `inbox/`, which the owner takes into its journal.

A request is a fact that is to happen (`submitted`, `cancelled` or `revived`), written as a line of
the journal with the number 0, in a file of its own named `ID.KIND`. The client writes the file
under another name, syncs it, and renames it: the owner sees it whole or not at all. The owner
records the fact, syncs its journal at every sync level, and only then removes the file. If it
dies in between, the next owner finds a request for an id that it knows, and removes it.

`bell` is a FIFO on which the owner sleeps; a client writes a byte into it. So nobody polls.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import select
import stat
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from taskqueue_edu import facts, files
from taskqueue_edu.errors import (
    IllegalTransition,
    InvalidTask,
    QueueClosed,
    ResultExpired,
    StorageError,
    UnknownTask,
)
from taskqueue_edu.facts import RawFact, Submission
from taskqueue_edu.journal import lines
from taskqueue_edu.journal.quarantine import Quarantine, Quarantined
from taskqueue_edu.record import Ids, TaskRecord

log: Final = logging.getLogger("taskqueue_edu")

KINDS: Final = frozenset({facts.SUBMITTED, facts.CANCELLED, facts.REVIVED})
CHECK_EVERY: Final = 5.0
"""Seconds after which the owner looks into the inbox even if nobody rang."""
POLL_EVERY: Final = 0.1
"""The same, in seconds, where the file system has no FIFOs."""
_STALE: Final = 3600.0  # seconds
_BATCH: Final = 100  # requests that share a sync
_REFUSED: Final = frozenset({None, errno.EACCES, errno.EPERM})
"""Errors of a file that is no request: no right to read it, or None: too long, no regular file."""


class Inbox:
    """The client's side: leaves requests in a folder, whether or not an owner is at work there."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Use the queue in `folder`, which is made if need be. Raises StorageError."""
        self.path = Path(folder) / "inbox"
        files.private_folder(self.path.parent)
        files.private_folder(self.path)
        self._ids = Ids()

    def submit(self, submission: Submission) -> str:
        """Ask for a task. Returns its id once the request is on the disk.

        Raises InvalidTask for what no owner would take; StorageError.
        """
        task_id = self._ids()
        self._leave((facts.SUBMITTED, task_id, facts.now(), submission.type, submission))
        return task_id

    def cancel(self, task_id: str, reason: str) -> None:
        """Ask to cancel a task. Raises InvalidTask for what is no id or no reason; StorageError."""
        self._leave((facts.CANCELLED, task_id, facts.now(), "", reason))

    def revive(self, task_id: str, reason: str) -> None:
        """Ask to put a failed or dead task back. Raises as `cancel` does."""
        self._leave((facts.REVIVED, task_id, facts.now(), "", reason))

    def _leave(self, request: RawFact) -> None:
        try:
            line = lines.encode(0, request)
            lines.decode_request(line)
        except (ValueError, TypeError, AttributeError) as error:
            raise InvalidTask(
                f"this can't be asked of a queue: {error}",
                hint="give the id that submit() returned, a type's name, and JSON of its fields.",
            ) from error
        files.write_whole(self.path / f"{request[1]}.{request[0]}", line)
        bell = _open_bell(self.path / "bell", os.O_WRONLY)
        if bell is not None:  # else the next owner finds the file
            try:
                # Full: it rings. Broken: the owner died just now, and the next one finds the file.
                with suppress(BlockingIOError, BrokenPipeError):
                    os.write(bell, b"!")
            finally:
                os.close(bell)

    def waiting(self) -> list[Path]:
        """Return the requests that no owner has taken in yet, oldest first."""
        found = []
        with suppress(FileNotFoundError), os.scandir(self.path) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if _is_request(entry.name):
                        made = entry.stat(follow_symlinks=False).st_mtime_ns
                        found.append((made, len(entry.name), entry.name))
        return [self.path / name for *_, name in sorted(found)]


def _open_bell(path: Path, flags: int) -> int | None:
    """Open the FIFO; None if there is none, or (to write) nobody who reads."""
    try:
        bell = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    if stat.S_ISFIFO(os.fstat(bell).st_mode):
        return bell
    os.close(bell)  # a byte for the bell would end up in a file
    return None


def _is_request(name: str) -> bool:
    return not name.startswith(".") and name.rpartition(".")[2] in KINDS


class Owner(Protocol):
    """What the owner of a folder does with a request: a TaskQueue."""

    def take_in(self, records: Sequence[TaskRecord], *, bounded: bool) -> None:
        """Submit tasks of other processes. Raises QueueClosed, StorageError."""
        ...

    def check(self, submission: Submission) -> None:
        """Raise InvalidTask if it can't be taken in."""
        ...

    def knows(self, task_id: str) -> bool:
        """Tell whether there is a task with that id."""
        ...

    def cancel(self, task_id: str, reason: str) -> bool:
        """Cancel a task."""
        ...

    def revive(self, task_id: str, reason: str) -> None:
        """Put a failed or dead task back."""
        ...

    def sync(self) -> None:
        """Return when all that was recorded is on the disk. Raises StorageError."""
        ...


class InboxReader:
    """The owner's side: a thread that takes requests into the queue."""

    def __init__(self, queue: Owner, folder: Path) -> None:
        """Take in what is there, and watch for more until `close`. Raises StorageError."""
        self._queue = queue
        self._inbox = Inbox(folder)
        self._quarantine = Quarantine(folder)
        self._closing = False
        # Guards the two below. Notified when they change, and so when requests are gone.
        self._changed = threading.Condition()
        self._taken = 0
        self._ended: QueueClosed | StorageError | None = None
        self._bell = self._hang_bell()
        for path in self._inbox.path.glob(".*.tmp"):  # of clients that died as they wrote
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _STALE:
                    path.unlink()
        # What was there before counts as if it had been in the journal: nobody may be there yet to
        # make room for it.
        try:
            self._take_in(bounded=False)
        except BaseException:
            self._take_bell_down()
            raise
        self._thread = threading.Thread(target=self._watch, name="taskqueue-inbox", daemon=True)
        self._thread.start()

    def _hang_bell(self) -> int | None:
        path = self._inbox.path / "bell"
        with suppress(OSError):  # it is there, or the file system has no FIFOs
            os.mkfifo(path, 0o600)
        # For writing too: without a writer the FIFO would be at its end, and always readable.
        bell = _open_bell(path, os.O_RDWR)
        if bell is None:
            log.info("%s is no FIFO; the inbox is looked into every %s s", path, POLL_EVERY)
        return bell

    def _watch(self) -> None:
        ended: QueueClosed | StorageError = QueueClosed("the queue is closed")
        try:
            while not self._closing:
                self._take_in(bounded=True)
                self._sleep()
        except QueueClosed:
            pass
        except StorageError as error:  # the registry tells whoever waits
            log.error("the inbox is no longer taken in: %s", error.message)
            ended = error
        finally:
            with self._changed:
                self._ended = ended
                self._changed.notify_all()

    def _sleep(self) -> None:
        if self._bell is None:
            select.select([], [], [], POLL_EVERY)
            return
        if select.select([self._bell], [], [], CHECK_EVERY)[0]:
            with suppress(BlockingIOError):
                os.read(self._bell, 65_536)

    def _take_in(self, *, bounded: bool) -> None:
        paths = self._inbox.waiting()
        for first in range(0, len(paths), _BATCH):
            if self._closing:
                return
            self._take(paths[first : first + _BATCH], bounded)

    def _take(self, paths: list[Path], bounded: bool) -> None:
        requests = [request for path in paths if (request := self._read(path)) is not None]
        submitted = {
            request[1]: TaskRecord.of(request[1], request[4])
            for request in requests
            if request[0] == facts.SUBMITTED and not self._queue.knows(request[1])
        }
        self._queue.take_in(list(submitted.values()), bounded=bounded)
        for kind, task_id, _, _, reason in requests:
            with suppress(IllegalTransition, UnknownTask, ResultExpired):  # too late: no harm
                if kind == facts.CANCELLED:
                    self._queue.cancel(task_id, reason)
                elif kind == facts.REVIVED:
                    self._queue.revive(task_id, reason)
        self._queue.sync()
        with files.storage_errors("remove requests from", self._inbox.path):
            for path in paths:
                path.unlink(missing_ok=True)
            files.sync_folder(self._inbox.path)
        with self._changed:
            self._taken += len(paths)
            self._changed.notify_all()

    def _read(self, path: Path) -> RawFact | None:
        try:
            data = files.read_limited(path, lines.MAX_LINE)
        except FileNotFoundError:
            return None
        except StorageError as error:
            if error.errno not in _REFUSED:
                raise
            self._put_away(path, error.message)
            return None
        try:
            request = lines.decode_request(data)
            if request[0] not in KINDS or path.name != f"{request[1]}.{request[0]}":
                raise ValueError("its name is not that of its id and kind")
            if request[0] == facts.SUBMITTED:
                self._queue.check(request[4])
        except ValueError as error:
            log.warning("a request in the inbox is refused: %s: %s", path.name, error)
            self._quarantine.keep([Quarantined.of(path.name, 0, data, str(error))])
            return None
        return request

    def _put_away(self, path: Path, reason: str) -> None:
        """Note what is no request and can't be read, and hide it under another name."""
        log.warning("a request in the inbox is refused: %s", reason)
        self._quarantine.keep([Quarantined.of(path.name, 0, b"", reason)])
        with files.storage_errors("rename", path):
            files.rename(path, path.with_name(f".{path.name}.{secrets.token_hex(6)}.refused"))

    def wait_until_empty(self) -> None:
        """Return when nothing is left in the inbox.

        Raises QueueClosed, or what ended the reader.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ended or not self._inbox.waiting())
            self._check()

    def wait_for_more(self, taken: int) -> int:
        """Wait until more than `taken` requests were taken in since the start; return how many.

        Raises QueueClosed, or what ended the reader.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._taken > taken)
            self._check()
            return self._taken

    def _check(self) -> None:
        if self._ended is not None:
            raise type(self._ended)(self._ended.message, hint=self._ended.hint)

    def close(self) -> None:
        """Stop watching; what is left in the inbox waits for the next owner."""
        self._closing = True
        if self._bell is not None:
            with suppress(BlockingIOError):  # it is full: it rings
                os.write(self._bell, b"!")
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self._take_bell_down()

    def _take_bell_down(self) -> None:
        if self._bell is not None:
            os.close(self._bell)
            self._bell = None
