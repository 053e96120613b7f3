"""A run that is over, as a source for the monitor: the queue as it was at any moment."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Final, Self, TypeAlias

import msgspec

from taskqueue_edu import facts, files
from taskqueue_edu.errors import StorageError
from taskqueue_edu.factlog import CODES, Block, entries
from taskqueue_edu.journal.follow import NAME
from taskqueue_edu.journal.scan import scan
from taskqueue_edu.ledger import EVERYTHING, FINISHED, Ledger
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.source import Source
from taskqueue_edu.state import TRANSITIONS
from taskqueue_edu.task import TaskStatus

Entry: TypeAlias = tuple[int, str, int, str, str, int]
"""A fact as the log has it: code of its kind, task's id, at, who, type, since (`factlog`)."""

_HEADER: Final = b'{"log":"taskqueue_edu","version":1}\n'
_ENDS: Final = {
    TaskStatus.SUCCEEDED: facts.SUCCEEDED,
    TaskStatus.FAILED: facts.FAILED,
    TaskStatus.CANCELLED: facts.CANCELLED,
    TaskStatus.DEAD: facts.DIED,
}


_LEADS_TO: Final = {
    fact: status for after in TRANSITIONS.values() for fact, status in after.items()
}
"""The status of a task after a fact. It needs no status before: a log may begin late."""


class _Line(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A line of a saved log. Times are in nanoseconds since 1970."""

    fact: str
    at: int
    id: str
    who: str = ""
    type: str = ""
    since: int = 0


def save_log(source: Source, path: str | os.PathLike[str]) -> int:
    """Write the log of `source` to a new file, as JSON lines; return how many facts it holds.

    The file has no arguments and no results of tasks. Raises StorageError: also if there is a
    file of that name.
    """
    path = Path(path)
    blocks, _, _ = source.log_since(0)
    encode = msgspec.json.Encoder().encode
    lines = [
        encode(_Line(facts.KINDS[code], at, task_id, who, type_, since))
        for code, task_id, at, who, type_, since in chain.from_iterable(map(entries, blocks))
    ]
    with files.storage_errors("write", path), path.open("xb") as file:
        file.write(_HEADER)
        file.writelines(line + b"\n" for line in lines)
    return len(lines)


class Recording:
    """A run that is over. It shows itself as it was at the moment that `seek` chose.

    To begin with, that is the end. Going on costs what happened since; going back starts over,
    and needs another Monitor: a monitor only ever folds what is new to it.
    """

    def __init__(self, log: Iterable[Entry]) -> None:
        """Record what a log says happened. Raises ValueError if nothing did."""
        self._entries = sorted(log, key=itemgetter(2))
        if not self._entries:
            raise ValueError("nothing happened in this run: there is nothing to show")
        self._times = [entry[2] for entry in self._entries]
        self.start = self._times[0]
        """When the first thing happened, in nanoseconds since 1970."""
        self.end = self._times[-1]
        """When the last thing happened."""
        self._start_over()
        self.seek(self.end)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a run from a queue's folder, its journal, or a log that Monitor.save wrote.

        Of tasks that compaction made one line of, the recording has the last run only. Raises
        StorageError if the file can't be read, or is something else; ValueError if it is empty.
        """
        path = Path(path)
        if path.is_dir():
            path /= NAME
        with files.storage_errors("read", path):
            data = path.read_bytes()
        if data.startswith(_HEADER):
            return cls(_saved(data, path))
        ledger = Ledger(EVERYTHING)
        ledger.replay(scan(data, path).facts)
        return cls(_folded(ledger))

    def _start_over(self) -> None:
        self._position, self._now = 0, self.start
        self._records: dict[str, TaskRecord] = {}
        self._running: dict[str, TaskRecord] = {}
        self._counts = dict.fromkeys(TaskStatus, 0)
        self._totals = dict.fromkeys(facts.KINDS, 0)

    def seek(self, at: int) -> None:
        """Choose the moment to show, in nanoseconds since 1970."""
        if at < self._now:
            self._start_over()
        self._now = at
        position = bisect_right(self._times, at)
        for entry in self._entries[self._position : position]:
            self._fold(*entry)
        self._position = position

    def _fold(self, code: int, task_id: str, at: int, who: str, type_: str, since: int) -> None:
        kind = facts.KINDS[code]
        record = self._records.get(task_id)
        if record is None:
            record = self._records[task_id] = TaskRecord(task_id, type_, None, None)
            record.status, record.submitted = TaskStatus.PENDING, since or at
            self._counts[TaskStatus.PENDING] += 1
        assert record.status is not None
        self._totals[kind] += 1
        if kind == facts.SUBMITTED:
            return
        if kind == facts.STARTED:
            record.started, record.worker = at, who
            record.attempt += 1
            self._running[task_id] = record
        else:
            self._running.pop(task_id, None)
        status = _LEADS_TO[kind]
        self._counts[record.status] -= 1
        self._counts[status] += 1
        record.status = status
        record.finished = at if status in FINISHED else 0

    # -- as a source

    def log_since(self, cursor: int) -> tuple[list[Block], int, int]:
        """Return the log up to the moment from fact number `cursor` on, as a registry does."""
        new = self._entries[cursor : self._position]
        block = tuple(chain.from_iterable(new))
        return [block] if block else [], self._position, self._counts[TaskStatus.PENDING]

    def counts(self) -> dict[TaskStatus, int]:
        """Return how many tasks are in each status at the moment."""
        return self._counts.copy()

    def totals(self) -> dict[str, int]:
        """Return how often each kind of fact has happened by then."""
        return self._totals.copy()

    def records(self) -> list[TaskRecord]:
        """Return the tasks that there are at the moment, in the order in which they came."""
        return list(self._records.values())

    def running(self) -> Sequence[TaskRecord]:
        """Return the tasks that run at the moment."""
        return list(self._running.values())

    def now(self) -> int:
        """Return the moment, in nanoseconds since 1970."""
        return self._now


def _saved(data: bytes, path: Path) -> Iterator[Entry]:
    """Return what is in a saved log. Raises StorageError if a line is not as written."""
    decode = msgspec.json.Decoder(_Line).decode
    for number, text in enumerate(data.removeprefix(_HEADER).splitlines(), 2):
        try:
            line = decode(text)
            yield CODES[line.fact], line.id, line.at, line.who, line.type, line.since
        except (msgspec.DecodeError, KeyError, RecursionError) as error:
            raise StorageError(
                f"line {number} of {path} is no fact: {error}",
                hint="save the log again; a copy that was cut off ends within a line.",
            ) from error


def _folded(ledger: Ledger) -> Iterator[Entry]:
    """Return the log of a journal, and what the records say of tasks that it has no line of."""
    told = set()
    for block in ledger.log.since(0)[0]:
        for entry in entries(block):
            told.add(entry[1])
            yield entry
    for record in ledger.records.values():
        if record.id in told or record.status is None:
            continue
        yield CODES[facts.SUBMITTED], record.id, record.submitted, record.type, record.type, 0
        about = record.id, record.worker, record.type
        if record.started:
            yield _entry(facts.STARTED, record.started, *about, record.submitted)
        if record.status in _ENDS:
            yield _entry(_ENDS[record.status], record.finished, *about, record.started)


def _entry(kind: str, at: int, task_id: str, who: str, type_: str, since: int) -> Entry:
    return CODES[kind], task_id, at, who, type_, since
