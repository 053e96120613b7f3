"""What others see of a folder that a process owns: the journal as it grows, and the inbox.

Nothing in here writes, or takes the owner's lock: a reader never holds up the owner.
"""

from __future__ import annotations

import copy
import os
import select
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from taskqueue_edu import facts, files
from taskqueue_edu.errors import ResultExpired, StorageError, UnknownTask, WaitTimeout
from taskqueue_edu.facts import RawFact
from taskqueue_edu.journal import lines
from taskqueue_edu.journal.inbox import KINDS, Inbox
from taskqueue_edu.journal.scan import scan
from taskqueue_edu.ledger import EVERYTHING, FINISHED, Ledger
from taskqueue_edu.record import TaskRecord, split_id
from taskqueue_edu.task import TaskStatus

NAME: Final = "journal.jsonl"
LOOK_EVERY: Final = 0.1
"""Seconds between two looks at a journal that somebody waits for. The standard library has no
way to sleep until another process writes to a file; a look is two calls of `stat`."""

_TAIL: Final = 64
"""Bytes before the place where reading goes on that must still be there: with a checksum."""

_PUT_BACK: Final = frozenset({TaskStatus.FAILED, TaskStatus.DEAD})


class Follower:
    """Folds a folder's journal as far as it is written, and goes on from there when asked again.

    It reads complete lines from where it was. Compaction puts another file in the place of the
    journal: then it starts over, as it does if the last bytes that it read are not there any more
    (a write that is interrupted is taken back).

    Tasks that wait in the inbox count as pending, for they will be: `submit` acknowledged them.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Follow the journal in `folder`; nothing is read yet."""
        self.folder = Path(folder)
        self._path = self.folder / NAME
        # The file stays open: so the system gives its number (inode) to no other one meanwhile.
        self._file: int | None = None
        self._start_over()

    def _start_over(self) -> None:
        self.close()
        self._offset, self._tail = 0, b""
        self._seq, self._version = -1, lines.VERSION
        # What the journal has is there: its owner decides what expires.
        self.ledger = Ledger(EVERYTHING)

    def close(self) -> None:
        """Close the journal's file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the journal

    def read(self) -> list[RawFact]:
        """Fold what is new in the journal and return it: after a new start, all facts.

        Raises StorageError, as for a journal of another program, or a folder that has neither a
        journal nor an inbox.
        """
        if self._file is not None and self._replaced():
            self._start_over()
        if self._file is None and not self._open():
            return []
        assert self._file is not None
        with files.storage_errors("read", self._path):
            end = os.fstat(self._file).st_size
            data = files.read_range(self._file, self._offset - len(self._tail), end)
        new = data.removeprefix(self._tail)
        old_version = self._version != lines.VERSION and new
        if not data.startswith(self._tail) or old_version:
            self._start_over()
            return self.read()
        # The lines that are new, below a header that says where they go on.
        head = lines.header(0, self._seq) if self._offset else b""
        found = scan(head + new, self._path)
        taken = found.end - len(head)
        self._offset += taken
        self._tail = (self._tail + new[:taken])[-_TAIL:]
        self._seq = found.seq
        if not head:
            self._version = found.version
        self.ledger.replay(found.facts)
        return found.facts

    def _replaced(self) -> bool:
        assert self._file is not None
        try:
            return not os.path.samestat(os.fstat(self._file), self._path.stat())
        except FileNotFoundError:
            return True

    def _open(self) -> bool:
        """Open the journal; False if there is only an inbox yet."""
        with files.storage_errors("open", self._path):
            try:
                self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                if (self.folder / "inbox").is_dir():
                    return False
                raise StorageError(
                    f"there is no journal in {self.folder}",
                    hint="check the folder's name; `taskqueue submit` or TaskQueue.open() "
                    "makes one.",
                ) from None
        return True

    # -- the inbox

    def requests(self, task_id: str | None = None) -> list[RawFact]:
        """Return the requests in the inbox, oldest first: all, or those about one task.

        What can't be read is left out: its owner will put it aside.
        """
        inbox = self.folder / "inbox"
        if not inbox.is_dir():
            return []
        if task_id is None:
            paths = Inbox(self.folder).waiting()
        else:
            names = [f"{task_id}.{kind}" for kind in sorted(KINDS, reverse=True)]
            paths = [inbox / name for name in names if Path(name).name == name]
        found = []
        for path in paths:
            # It may be gone: taken in since.
            with suppress(OSError, ValueError):
                request = lines.decode_request(files.read_limited(path, lines.MAX_LINE))
                if path.name == f"{request[1]}.{request[0]}":
                    found.append(request)
        return found

    # -- both together

    def get(self, task_id: str) -> TaskRecord:
        """Return the record of a task as it is now.

        Raises UnknownTask, ResultExpired, StorageError.
        """
        # In this order: what the owner takes in meanwhile is in the journal.
        requests = self.requests(task_id)
        self.read()
        return self.record(task_id, requests)

    def record(self, task_id: str, requests: list[RawFact]) -> TaskRecord:
        """Return the record of a task as it was read last, with those requests.

        Raises UnknownTask, ResultExpired.
        """
        for record in self._with(requests):
            if record.id == task_id:
                return record
        if task_id in self.ledger.records:
            return self.ledger.records[task_id]
        prefix, number = split_id(task_id)
        if number <= self.ledger.forgotten.get(prefix, 0):
            raise ResultExpired(f"the result of task {task_id} is no longer kept", task_id=task_id)
        raise UnknownTask(f"there is no task {task_id!r} in {self.folder}", task_id=task_id)

    def records(self) -> list[TaskRecord]:
        """Return the records of all tasks as they are now, oldest first. Raises StorageError."""
        requests = self.requests()
        self.read()
        changed = {record.id: record for record in self._with(requests)}
        return [*({**self.ledger.records, **changed}).values()]

    def _with(self, requests: list[RawFact]) -> list[TaskRecord]:
        """Return copies of the records that those requests will change into pending tasks."""
        changed: list[TaskRecord] = []
        for kind, task_id, at, _, detail in requests:
            record = self.ledger.records.get(task_id)
            if kind == facts.SUBMITTED and record is None:
                record = TaskRecord.of(task_id, detail)
                record.submitted = at
            elif (
                kind == facts.REVIVED
                and record is not None
                and record.status in _PUT_BACK
                and at > record.finished  # else it was taken in, and has failed again since
            ):
                record = copy.copy(record)
                record.finished = 0
            else:
                continue
            record.status = TaskStatus.PENDING
            changed.append(record)
        return changed

    def wait(self, task_id: str, timeout: float | None = None) -> TaskRecord:
        """Wait until a task has finished, and return its record.

        Raises WaitTimeout after `timeout` seconds (None: wait as long as it takes), UnknownTask,
        ResultExpired, StorageError.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while (record := self.get(task_id)).status not in FINISHED:
            left = LOOK_EVERY if end is None else end - time.monotonic()
            if left <= 0:
                raise WaitTimeout(
                    f"task {task_id} ({record.type}) is {record.status} after {timeout} s",
                    task_id=task_id,
                )
            select.select([], [], [], min(left, LOOK_EVERY))
        return record
