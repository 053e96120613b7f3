"""What follows from the facts: records, counts and the log. Nothing in here locks or waits."""

from __future__ import annotations

import copy
import sys
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from taskqueue_edu import facts
from taskqueue_edu.errors import IllegalTransition
from taskqueue_edu.facts import Failure, RawFact
from taskqueue_edu.record import TaskRecord, split_id
from taskqueue_edu.state import TRANSITIONS, next_status
from taskqueue_edu.task import RunningTask, TaskStatus

RETAIN: Final = 100_000
"""Finished tasks kept by default."""

FINISHED: Final = frozenset(status for status in TaskStatus if status.finished)
_FINAL: Final = frozenset({TaskStatus.SUCCEEDED, TaskStatus.CANCELLED})
_PENDING: Final = TaskStatus.PENDING
_RUNNING: Final = TaskStatus.RUNNING


class Ledger:
    """The fold of all facts. Whoever calls `apply` holds the lock that guards it.

    Invariant: each record is the fold of the facts about it; `counts` and `runs` agree with the
    records; `log` holds the newest facts in order.
    """

    def __init__(self, retain: int, retain_seconds: float | None = None) -> None:
        self.retain = retain
        self.retain_for = None if retain_seconds is None else int(retain_seconds * 1e9)
        self.records: dict[str, TaskRecord] = {}
        self.runs: dict[str, RunningTask] = {}
        self.counts = dict.fromkeys(TaskStatus, 0)
        self.totals = dict.fromkeys(facts.KINDS, 0)
        self.finished: deque[str] = deque()
        self.forgotten: dict[str, int] = {}
        self.delayed: set[str] = set()
        """Pending tasks that a client delayed."""
        self.parked: set[str] = set()
        """Pending tasks that nobody here can run."""
        self.log: list[RawFact] = []
        self.log_start = 0
        """Number of the first fact in `log`: how many were dropped before it."""
        self.log_limit = 4 * retain + 100_000
        self.woken: list[Callable[[], None]] = []
        """Whom to wake once the lock is free."""

    def apply(self, fact: RawFact, record: TaskRecord, status: TaskStatus) -> object:
        """Update all that follows from a fact that takes the task of `record` to `status`.

        Returns what the ledger let go of. The caller keeps it until the lock is free: what a
        task does when it is deleted (`__del__`) is user code, and may well ask the registry.
        """
        kind, task_id, at, who, detail = fact
        dropped: object = None
        before, record.status = record.status, status
        self.totals[kind] += 1
        self.counts[status] += 1
        if before is None:
            self.records[task_id] = record
            record.submitted = at
            if record.due is not None:
                self.delayed.add(task_id)
            fact = (kind, task_id, at, who, record.due)
        else:
            self.counts[before] -= 1
            if kind == facts.STARTED:
                record.started, record.worker, record.attempt = at, who, detail
                if record.due is not None:
                    record.due = None
                    self.delayed.discard(task_id)
            else:
                if kind == facts.SUCCEEDED:
                    record.value, detail = detail, None
                else:
                    dropped = record.failure
                    detail = self._end(kind, record, detail)
                fact = (kind, task_id, at, who, detail)
                self.runs.pop(task_id, None)
                if status in FINISHED:
                    dropped = dropped, self._finish(record, at)
        # The log feeds the monitor: it keeps no task, result or exception alive.
        self.log.append(fact)
        if len(self.log) > self.log_limit:
            cut = len(self.log) // 2
            del self.log[:cut]
            self.log_start += cut
        return dropped

    def _end(self, kind: str, record: TaskRecord, detail: Any) -> Any:
        """Keep what ended a run, or a task that never ran; return what the log notes of it."""
        if kind in (facts.FAILED, facts.RETRIED):
            failure, due = (detail, None) if kind == facts.FAILED else detail
            text = Failure(failure.names, failure.message, "")
            # An exception holds every local variable of its task: only the last one is kept.
            record.failure, record.due = (failure if due is None else text), due
            return text if due is None else (text, due)
        record.reason = detail
        self.delayed.discard(record.id)
        self.parked.discard(record.id)
        if kind == facts.RECOVERED:
            record.recoveries += 1
        elif kind == facts.RELEASED:
            record.attempt = max(record.attempt - 1, 0)  # the line of its start may be lost
        elif kind == facts.REVIVED:
            # `failure` stays: whoever was just woken by it may not have read it yet.
            record.recoveries = record.attempt = record.finished = 0
            record.future = None  # it has its outcome; the next one is another's
            self.finished.remove(record.id)
        return detail

    def _finish(self, record: TaskRecord, at: int) -> object:
        old: object = None
        submission = record.submission
        if record.status in _FINAL:
            record.submission = None  # it can't be revived: its input is not needed again
        if record.waiters is not None:
            self.woken += [partial(call, record) for call in record.waiters]
            record.waiters = None
        self.finished.append(record.id)
        record.finished = at  # last: whoever reads this without the lock finds the rest in place
        if len(self.finished) > self.retain or self.retain_for is not None:
            old = self._forget(at)
        return submission, old

    def _forget(self, now: int) -> list[TaskRecord]:
        """Forget the finished tasks that are past the retention; return them."""
        old = []
        since = 0 if self.retain_for is None else now - self.retain_for
        while self.finished:
            oldest = self.records[self.finished[0]]
            if len(self.finished) <= self.retain and oldest.finished >= since:
                break
            self.finished.popleft()
            prefix, number = split_id(oldest.id)
            # First: whoever reads without the lock finds the record, or that it has expired.
            self.forgotten[prefix] = max(number, self.forgotten.get(prefix, 0))
            del self.records[oldest.id]
            assert oldest.status is not None
            self.counts[oldest.status] -= 1
            old.append(oldest)
        return old

    def replay(self, stored: Iterable[RawFact]) -> list[tuple[RawFact, str]]:
        """Fold the facts of a store; return those that fit no life of a task, each with why.

        A second copy of a submission changes nothing. The end of a run whose start is missing
        (it may have been damaged) counts: the task shall not run again.
        """
        misfits = []
        restored = False
        # Nothing is forgotten meanwhile: with a shorter retention than the one that the facts
        # were written under, a task would be gone before the fact that revives it.
        retain, retain_for = self.retain, self.retain_for
        self.retain, self.retain_for = sys.maxsize, None
        for fact in stored:
            kind, task_id, _, _, detail = fact
            record = self.records.get(task_id)
            if kind == facts.KEPT:
                restored = True
                if record is None:
                    self._restore(detail)
            elif kind == facts.CARRIED:
                for name, n in detail[0].items():
                    self.totals[name] = self.totals.get(name, 0) + n
                self.forgotten.update(detail[1])
            elif record is not None or kind == facts.SUBMITTED:
                if record is None:
                    record = TaskRecord(task_id, detail)
                elif kind == facts.SUBMITTED:
                    continue
                try:
                    before = record.status
                    if before is _PENDING and kind not in TRANSITIONS[before]:
                        before = _RUNNING
                    self.apply(fact, record, next_status(before, kind))
                except IllegalTransition as error:
                    misfits.append((fact, error.message))
            else:
                misfits.append((fact, "nothing says that its task was submitted"))
        if restored:
            self.finished = deque(sorted(self.finished, key=lambda i: self.records[i].finished))
        self.retain, self.retain_for = retain, retain_for
        if self.finished:
            self._forget(self.records[self.finished[-1]].finished)
        return misfits

    def _restore(self, kept: TaskRecord) -> None:
        record = copy.copy(kept)  # the fact stays as it is: it may be folded again
        assert record.status is not None
        self.records[record.id] = record
        self.counts[record.status] += 1
        if record.status in _FINAL:
            record.submission = None  # as in `_finish`
        if record.status in FINISHED:
            self.finished.append(record.id)
            return
        if record.due is not None and record.status is _PENDING:
            self.delayed.add(record.id)
        # For the monitor, which counts what waits; the total was counted before.
        self.log.append((facts.SUBMITTED, record.id, record.submitted, record.type, record.due))

    def facts_since(self, cursor: int) -> tuple[list[RawFact], int]:
        """Return the facts from number `cursor` on, and the number after the last."""
        return self.log[max(0, cursor - self.log_start) :], self.log_start + len(self.log)

    def waiting(self) -> int:
        """Return how many pending tasks wait for a worker."""
        return self.counts[_PENDING] - len(self.parked)

    def idle(self, unable: Callable[[], bool] | None) -> bool:
        """Tell whether nothing is left to do: see `Registry.when_idle`."""
        if self.counts[_RUNNING]:
            return False
        left = self.waiting()
        if left and unable is not None:
            if unable():
                return True
            limit = facts.now() / 1e9
            left -= sum((self.records[i].due or 0) > limit for i in self.delayed)
        return left <= 0
