"""The journal of another process, as a source for a monitor."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from taskqueue_edu import facts
from taskqueue_edu.factlog import Block, columns, ids
from taskqueue_edu.journal.follow import Follower
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.task import TaskStatus

_REQUEST: Final = f".{facts.SUBMITTED}"


class FollowedJournal:
    """Reads a folder's journal as it grows. It writes nothing, and never holds up the owner.

    It does so when it is asked for the log or the records. Unlike the `Follower` that it reads
    with, it may be used by several threads, and its log goes on when the owner compacts the
    journal: what happened just before, and was not read by then, is missing from the log, but
    from no count. Tasks in the inbox are pending.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Follow the journal in `folder`. Raises StorageError if there is none."""
        self.folder = Path(folder)
        # Guards all below: records change while the follower reads.
        self._lock = threading.Lock()
        self._follower = Follower(folder)
        self._ledger = self._follower.ledger
        self._first = 0  # of the ledger's log: facts before were in the log of an earlier ledger
        self._end = 0  # of the ledger's log, when it was read last
        self._shift = 0  # the log here counts from so much further on
        self._newest = 0
        self._running: dict[str, TaskRecord] = {}
        self._read()

    def close(self) -> None:
        """Close the journal's file."""
        with self._lock:
            self._follower.close()

    def _read(self) -> None:
        self._follower.read()
        ledger = self._follower.ledger
        if ledger is not self._ledger:
            self._ledger = ledger
            times = (at for block in ledger.log.since(0)[0] for at in columns(block).times)
            self._first = sum(at <= self._newest for at in times)
            self._shift += self._end - self._first
            self._end = self._first
            self._running.clear()
            self._note(ledger.records)
        blocks, self._end = ledger.log.since(self._end)
        for block in blocks:
            self._newest = columns(block).times[-1]
            self._note(ids(block))

    def _note(self, task_ids: Iterable[str]) -> None:
        """Note which of these tasks are running. To look at all, each time, takes too long."""
        for task_id in task_ids:
            record = self._ledger.records[task_id]
            if record.status is TaskStatus.RUNNING:
                self._running[task_id] = record
            else:
                self._running.pop(task_id, None)

    def log_since(self, cursor: int) -> tuple[list[Block], int, int]:
        """Read what is new, and return the log from fact number `cursor` on: see Source."""
        with self._lock:
            self._read()
            blocks, end = self._ledger.log.since(max(cursor - self._shift, self._first))
            return blocks, end + self._shift, self._ledger.counts[TaskStatus.PENDING]

    def counts(self) -> dict[TaskStatus, int]:
        """Return how many tasks are in each status, as read last, and in the inbox now."""
        with self._lock:
            counts = self._ledger.counts.copy()
            counts[TaskStatus.PENDING] += self.in_inbox()
            return counts

    def in_inbox(self) -> int:
        """Return how many tasks wait in the inbox now: no process has taken them in yet."""
        names: list[str] = []
        with suppress(FileNotFoundError):
            names = os.listdir(self.folder / "inbox")  # noqa: PTH208 - no Path for each of many
        known = self._ledger.records
        return sum(
            name.endswith(_REQUEST) and name.removesuffix(_REQUEST) not in known for name in names
        )

    def totals(self) -> dict[str, int]:
        """Return how often each kind of fact has happened, as read last."""
        with self._lock:
            return self._ledger.totals.copy()

    def records(self) -> list[TaskRecord]:
        """Read what is new, and return the records of all tasks, oldest first."""
        with self._lock:
            records = self._follower.records()
            self._read()
            return records

    def get(self, task_id: str) -> TaskRecord:
        """Read what is new, and return the record of a task.

        Raises UnknownTask, ResultExpired, StorageError.
        """
        with self._lock:
            record = self._follower.get(task_id)
            self._read()
            return record

    def running(self) -> list[TaskRecord]:
        """Return the records of the tasks that are running, as read last."""
        with self._lock:
            return list(self._running.values())

    def now(self) -> int:
        """Return the time, in nanoseconds since 1970."""
        return facts.now()
