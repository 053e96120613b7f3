"""What follows from the facts: records, counts and the log. Nothing in here locks or waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from operator import attrgetter
from typing import Any, Final

from taskqueue_edu import facts
from taskqueue_edu.errors import IllegalTransition
from taskqueue_edu.factlog import CODES, FactLog
from taskqueue_edu.facts import Failure, RawFact
from taskqueue_edu.record import TaskRecord, split_id
from taskqueue_edu.state import TRANSITIONS, next_status
from taskqueue_edu.task import RunningTask, TaskStatus

RETAIN: Final = 100_000
"""Finished tasks kept by default."""

EVERYTHING: Final = 2**62
"""So many finished tasks there are in no file: with this retention, nothing is forgotten."""

FINISHED: Final = frozenset(status for status in TaskStatus if status.finished)
_FINAL: Final = frozenset({TaskStatus.SUCCEEDED, TaskStatus.CANCELLED})
_PENDING: Final = TaskStatus.PENDING
_RUNNING: Final = TaskStatus.RUNNING
_SUCCEEDED: Final = TaskStatus.SUCCEEDED

# What a task has three facts of: looked up once.
_SUBMIT: Final = CODES[facts.SUBMITTED]
_START: Final = CODES[facts.STARTED]
_SUCCEED: Final = CODES[facts.SUCCEEDED]


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
        self.log = FactLog(4 * retain + 100_000)
        self.woken: list[Callable[[], None]] = []
        """Whom to wake once the lock is free."""

    # Three things happen to every task, and each has its own method: it has no other kinds of fact
    # to tell apart. `apply` takes any fact about a task that there is.

    def submitted(self, record: TaskRecord, at: int) -> None:
        """A task is new."""
        record.status = _PENDING
        record.submitted = record.ready = at
        self.records[record.id] = record
        self.totals[facts.SUBMITTED] += 1
        self.counts[_PENDING] += 1
        if record.due is not None:
            self.delayed.add(record.id)
            record.ready = _ready(record, at)
        self.log.add(_SUBMIT, record, at, record.type, 0)

    def started(self, record: TaskRecord, at: int, worker: str, attempt: int) -> None:
        """A worker has taken a pending task."""
        record.status = _RUNNING
        record.started, record.worker, record.attempt = at, worker, attempt
        self.totals[facts.STARTED] += 1
        self.counts[_PENDING] -= 1
        self.counts[_RUNNING] += 1
        if record.due is not None:
            record.due = None
            self.delayed.discard(record.id)
        self.log.add(_START, record, at, worker, record.ready)

    def succeeded(self, record: TaskRecord, at: int, worker: str, value: Any) -> object:
        """A running task has its result. Returns what the ledger let go of: see `apply`."""
        record.status = _SUCCEEDED
        record.value = value
        self.totals[facts.SUCCEEDED] += 1
        self.counts[_RUNNING] -= 1
        self.counts[_SUCCEEDED] += 1
        self.runs.pop(record.id, None)
        self.log.add(_SUCCEED, record, at, worker, record.started)
        return self._drop_input(record), self._finish(record, at)

    def apply(self, fact: RawFact, record: TaskRecord, status: TaskStatus) -> object:
        """Update all that follows from a fact that takes the task of `record` to `status`.

        Returns what the ledger let go of. The caller keeps it until the lock is free: what a
        task does when it is deleted (`__del__`) is user code, and may well ask the registry.
        """
        kind, task_id, at, who, detail = fact
        if kind == facts.SUCCEEDED:
            return self.succeeded(record, at, who, detail)
        if kind == facts.STARTED:
            self.started(record, at, who, detail)
            return None
        before = record.status
        assert before is not None
        record.status = status
        self.totals[kind] += 1
        self.counts[before] -= 1
        self.counts[status] += 1
        dropped: list[object] = [record.failure]
        self._end(kind, record, detail)
        self.log.add(CODES[kind], record, at, who, record.started if before is _RUNNING else 0)
        if status is _PENDING:
            record.ready = _ready(record, at)
        self.runs.pop(task_id, None)
        if status in _FINAL:
            dropped.append(self._drop_input(record))
        if status in FINISHED:
            dropped.append(self._finish(record, at))
        return dropped

    def _end(self, kind: str, record: TaskRecord, detail: Any) -> None:
        """Keep what ended a run, or a task that never ran."""
        if kind == facts.FAILED:
            record.failure, record.due = detail, None
            return
        if kind == facts.RETRIED:
            failure, record.due = detail
            # An exception holds every local variable of its task: only the last one is kept.
            record.failure = Failure(failure.names, failure.message, "")
            return
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

    def _drop_input(self, record: TaskRecord) -> object:
        """Let go of what a task that can't run again was made of."""
        task = record.task
        record.task = record.payload = record.retry = None
        return task

    def _finish(self, record: TaskRecord, at: int) -> object:
        if record.waiters is not None:
            self.woken += [partial(call, record) for call in record.waiters]
            record.waiters = None
        self.finished.append(record.id)
        record.finished = at  # last: whoever reads this without the lock finds the rest in place
        if len(self.finished) > self.retain or self.retain_for is not None:
            return self._forget(at)
        return None

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
        (it may have been damaged) counts: the task shall not run again. The records of kept tasks
        are taken over, so such facts are folded once.
        """
        misfits = []
        # Nothing is forgotten meanwhile: with a shorter retention than the one that the facts
        # were written under, a task would be gone before the fact that revives it.
        retain, retain_for = self.retain, self.retain_for
        self.retain, self.retain_for = EVERYTHING, None
        for fact in stored:
            kind, task_id, at, who, detail = fact
            record = self.records.get(task_id)
            if record is None:
                if kind == facts.SUBMITTED:
                    self.submitted(TaskRecord.of(task_id, detail), at)
                elif kind == facts.KEPT:
                    self._restore(detail)
                elif kind == facts.CARRIED:
                    self._carry_on(*detail)
                else:
                    misfits.append((fact, "nothing says that its task was submitted"))
            # The two that happen to every task, with what `next_status` says of them.
            elif kind == facts.STARTED and record.status is _PENDING:
                self.started(record, at, who, detail)
            elif kind == facts.SUCCEEDED and record.status is _RUNNING:
                self.succeeded(record, at, who, detail)
            elif kind not in (facts.SUBMITTED, facts.KEPT):
                unseen = record.status is _PENDING and kind not in TRANSITIONS[_PENDING]
                try:
                    status = next_status(_RUNNING if unseen else record.status, kind)
                except IllegalTransition as error:
                    misfits.append((fact, error.message))
                    continue
                if unseen:
                    self._presume_started(record)
                self.apply(fact, record, status)
        self.retain, self.retain_for = retain, retain_for
        # Who forgets nothing needs no order, and replays a little, again and again.
        if self.finished and (retain < EVERYTHING or retain_for is not None):
            self._sort_finished()
            self._forget(self.records[self.finished[-1]].finished)
        return misfits

    def _sort_finished(self) -> None:
        # From the records, which lie in a row: to look each of `finished` up takes twice as long.
        finished = [record for record in self.records.values() if record.status in FINISHED]
        finished.sort(key=attrgetter("finished"))
        self.finished = deque([record.id for record in finished])

    def _carry_on(self, totals: dict[str, int], forgotten: dict[str, int]) -> None:
        for kind, n in totals.items():
            self.totals[kind] = self.totals.get(kind, 0) + n
        self.forgotten.update(forgotten)

    def _presume_started(self, record: TaskRecord) -> None:
        record.status = _RUNNING
        record.started = 0
        self.counts[_PENDING] -= 1
        self.counts[_RUNNING] += 1
        self.delayed.discard(record.id)

    def _restore(self, record: TaskRecord) -> None:
        status = record.status
        assert status is not None
        self.records[record.id] = record
        self.counts[status] += 1
        if status in _FINAL:
            self._drop_input(record)
        if status in FINISHED:
            self.finished.append(record.id)
            return
        if status is _PENDING:
            if record.due is not None:
                self.delayed.add(record.id)
            record.ready = _ready(record, record.submitted)
            # For the monitor, which counts what waits; the total was counted before.
            self.log.add(_SUBMIT, record, record.submitted, record.type, 0)

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


def _ready(record: TaskRecord, at: int) -> int:
    """Return from when on a task that is pending since `at` can run."""
    # A delayed task can't before it is due: that is no waiting.
    return at if record.due is None else max(at, int(record.due * 1e9))
