"""The one place where something happens to a task: check, store, apply, publish."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from taskqueue_edu import facts
from taskqueue_edu.errors import (
    IllegalTransition,
    JournalDamaged,
    ResultExpired,
    StorageError,
    TaskQueueError,
    UnknownTask,
    WaitTimeout,
)
from taskqueue_edu.facts import Failure, RawFact
from taskqueue_edu.record import TaskRecord, split_id
from taskqueue_edu.state import next_status
from taskqueue_edu.storage import MemoryStore, Storage
from taskqueue_edu.task import RunningTask, TaskStatus

log: Final = logging.getLogger("taskqueue_edu")

RETAIN: Final = 100_000
"""Finished tasks kept by default."""

_FINISHED: Final = frozenset(status for status in TaskStatus if status.finished)


class Registry:
    """Every task's record, the log of facts, and whoever waits for them.

    Invariant, true whenever `_lock` is free: each record is the fold of the facts stored about
    it; the log holds the newest facts in the order of the store, with growing times; `counts`
    agrees with the records. So a fact is checked, stored and applied under this one lock.

    The store's `append` may write to a file under the lock. That breaks the rule "no I/O under
    a lock" on purpose: the order in the file must be the order in which tasks changed, and a
    write to the page cache takes microseconds. Waiting for the disk (`sync`) is outside.
    """

    def __init__(self, store: Storage | None = None, *, retain: int = RETAIN) -> None:
        """`retain`: how many finished tasks are kept; the oldest are forgotten first."""
        self.store = store or MemoryStore()
        self._retain = retain
        self._lock = threading.Lock()
        self._records: dict[str, TaskRecord] = {}
        self._counts: Counter[TaskStatus | None] = Counter()
        self._totals: Counter[str] = Counter()
        self._finished: deque[tuple[str, int]] = deque()
        self._forgotten: dict[str, int] = {}
        self._dropped: list[TaskRecord] = []
        self._delayed: set[str] = set()
        self._parked: set[str] = set()
        self._log: list[RawFact] = []
        self._log_start = 0
        self._log_limit = 4 * retain + 100_000
        self._idlers: list[tuple[Callable[[], bool], Callable[[], None]]] = []
        self._over: TaskQueueError | None = None
        self._at_end: list[Callable[[], None]] = []

    # -- what happens

    def load(self) -> list[TaskRecord]:
        """Fold the facts that the store kept; return the records that had not finished.

        Raises JournalDamaged if they tell no legal life of a task, StorageError.
        """
        with self._lock:
            for fact in self.store.load():
                record = self._records.get(fact[1])
                if fact[0] == facts.SUBMITTED:
                    if record is not None:
                        continue  # a second copy of a submission changes nothing
                    record = TaskRecord(fact[1], fact[4])
                if record is None:
                    continue  # its task was forgotten when the journal was compacted
                try:
                    status = next_status(record.status, fact[0])
                except IllegalTransition as error:
                    raise JournalDamaged(
                        f"the facts about task {record.id} contradict each other: {error.message}",
                        task_id=record.id,
                    ) from error
                self._apply(fact, record, status)
            self._dropped.clear()
            return [r for r in self._records.values() if r.status not in _FINISHED]

    def record(
        self,
        kind: str,
        record: TaskRecord,
        who: str = "",
        detail: Any = None,
        run: RunningTask | None = None,
        expect: TaskStatus | None = None,
        unless: Callable[[], bool] | None = None,
    ) -> None:
        """Let a fact happen: check it, store it, apply it, and wake whoever waits for it.

        `run` is the run that starts, or that reports an outcome: one that the task was taken
        from in the meantime reports in vain. `expect` is the only status to accept the fact
        in, where the table would allow more; while `unless()` is true, which is called under
        the lock, it is not accepted at all. Raises IllegalTransition (nothing was recorded),
        QueueClosed, StorageError.
        """
        broken: BaseException | None = None
        # Kept until the lock is free: what a task or an exception does when it is deleted
        # (`__del__`) is user code, and may well ask this registry something.
        _kept = record.submission, record.failure
        with self._lock:
            if self._over is not None:
                raise _again(self._over, record.id)
            if run is not None and kind != facts.STARTED and record.run is not run:
                raise IllegalTransition(
                    f"this run of task {record.id} was given up before it ended",
                    task_id=record.id,
                )
            if expect is not None and record.status is not expect:
                raise IllegalTransition(
                    f"task {record.id} is {record.status}, no longer {expect}", task_id=record.id
                )
            if unless is not None and unless():
                raise IllegalTransition(f"task {record.id} can't be {kind} now", task_id=record.id)
            status = next_status(record.status, kind)
            fact = (kind, record.id, facts.now(), who, detail)
            try:
                record.position = position = self.store.append(fact)
                if kind == facts.STARTED:
                    record.run = run
                woken = self._apply(fact, record, status)
            except StorageError as error:
                broken, woken = error, self._end(error)
            except BaseException as error:
                # Ctrl-C came in the middle. What the file says and what the records say may now
                # differ: the file is right, and opening it anew reads it.
                broken, woken = error, []
                if self.store.json:
                    woken = self._end(StorageError("recording a fact was interrupted"))
        self._dropped.clear()
        try:
            if broken is not None:
                raise broken
            # A start that is lost with the machine is a task that was never started: no harm.
            if kind != facts.STARTED:
                self._sync(position)
        finally:
            _wake(woken)

    def _sync(self, position: int) -> None:
        try:
            self.store.sync(position)
        except StorageError as error:
            self.end(error)
            raise

    def _apply(
        self, fact: RawFact, record: TaskRecord, status: TaskStatus
    ) -> list[Callable[[], None]]:
        """Update all that follows from a fact; return what to call once the lock is free."""
        kind, task_id, at, who, detail = fact
        self._counts[record.status] -= 1
        self._counts[status] += 1
        self._totals[kind] += 1
        record.status = status
        noted = detail
        if kind == facts.SUBMITTED:
            self._records[task_id] = record
            record.submitted = at
            if record.due is not None:
                self._delayed.add(task_id)
            noted = record.due
        elif kind == facts.STARTED:
            record.started, record.worker, record.attempt = at, who, detail
            record.due = None
            self._delayed.discard(task_id)
        elif kind == facts.SUCCEEDED:
            record.value = detail
            noted = None
        elif kind == facts.FAILED:
            record.failure, noted = detail, _text_only(detail)
        elif kind == facts.RETRIED:
            failure, record.due = detail
            record.failure = _text_only(failure)  # only the exception of the last run is raised
            noted = record.failure, record.due
        else:
            record.reason = detail
            self._delayed.discard(task_id)
            self._parked.discard(task_id)
            record.recoveries += kind == facts.RECOVERED
            if kind == facts.RELEASED:
                record.attempt -= 1
            elif kind == facts.REVIVED:
                # `failure` stays: whoever was just woken by it may not have read it yet.
                record.recoveries = record.attempt = record.finished = 0
                record.future = None  # it has its outcome; the next one is another's
        # The log feeds the monitor: it keeps no task, result or exception alive.
        self._log.append((kind, task_id, at, who, noted))
        if len(self._log) > self._log_limit:
            cut = self._log_limit // 2
            del self._log[:cut]
            self._log_start += cut
        woken: list[Callable[[], None]] = []
        if status is not TaskStatus.RUNNING:
            record.run = None
            if status in _FINISHED:
                woken = self._finish(record, at)
        if self._idlers:
            woken += self._idle()
        return woken

    def _finish(self, record: TaskRecord, at: int) -> list[Callable[[], None]]:
        record.finished = at
        if record.status in (TaskStatus.SUCCEEDED, TaskStatus.CANCELLED):
            record.submission = None  # it can't be revived: its input is not needed again
        waiters, record.waiters = record.waiters or [], None
        self._finished.append((record.id, at))
        while len(self._finished) > self._retain:
            task_id, then = self._finished.popleft()
            old = self._records.get(task_id)
            # A task that was revived stands in `_finished` once for each end: the last counts.
            if old is not None and old.finished == then:
                prefix, number = split_id(task_id)
                self._forgotten[prefix] = max(number, self._forgotten.get(prefix, 0))
                self._dropped.append(self._records.pop(task_id))
                self._counts[old.status] -= 1
        return [lambda call=call: call(record) for call in waiters]  # type: ignore[misc]

    # -- who asks

    def get(self, task_id: str) -> TaskRecord:
        """Return the record of that task. Raises UnknownTask, or ResultExpired."""
        record = self._records.get(task_id)
        if record is not None:
            return record
        prefix, number = split_id(task_id)
        if number <= self._forgotten.get(prefix, 0):
            raise ResultExpired(f"the result of task {task_id} is no longer kept", task_id=task_id)
        raise UnknownTask(f"this queue has no task {task_id!r}", task_id=task_id)

    def wait(self, record: TaskRecord, timeout: float | None) -> None:
        """Return when the task has finished, and what finished it is stored.

        Raises WaitTimeout after `timeout` seconds, QueueClosed or StorageError if the task
        can't finish any more.
        """
        gate = threading.Lock()
        gate.acquire()

        def wake(_: TaskRecord) -> None:
            gate.release()

        if self.when_finished(record, wake):
            limit = -1.0 if timeout is None else min(max(timeout, 0.0), threading.TIMEOUT_MAX)
            try:
                gate.acquire(timeout=limit)
            finally:  # Ctrl-C comes through here too
                with self._lock:
                    waiters = record.waiters or []
                    early = wake in waiters
                    if early:
                        waiters.remove(wake)
            if early:
                raise WaitTimeout(
                    f"task {record.id} ({record.type}) is {record.status} after {timeout} s",
                    task_id=record.id,
                )
        self.confirm(record)

    def confirm(self, record: TaskRecord) -> None:
        """Return when the end of the task is stored.

        Raises QueueClosed or StorageError if it has not ended and never will.
        """
        if record.status not in _FINISHED and self._over is not None:
            raise _again(self._over, record.id)
        self._sync(record.position)

    def when_finished(self, record: TaskRecord, call: Callable[[TaskRecord], None]) -> bool:
        """Arrange for one `call(record)` when the task ends or can't end any more.

        Returns False, and arranges nothing, if that is so already.
        """
        with self._lock:
            if record.status in _FINISHED or self._over is not None:
                return False
            if record.waiters is None:
                record.waiters = []
            record.waiters.append(call)
            return True

    def counts(self) -> dict[TaskStatus, int]:
        """Return how many of the kept tasks are in each status."""
        with self._lock:
            return {status: self._counts[status] for status in TaskStatus}

    def totals(self) -> dict[str, int]:
        """Return how often each kind of fact has happened, forgotten tasks included."""
        with self._lock:
            return {kind: self._totals[kind] for kind in facts.KINDS}

    def records(self) -> list[TaskRecord]:
        """Return the records of all kept tasks, oldest first."""
        with self._lock:
            return list(self._records.values())

    def facts_since(self, cursor: int) -> tuple[list[RawFact], int]:
        """Return the facts from number `cursor` on, and the cursor for the next call.

        Facts that the log has dropped by then are missing from the list.
        """
        with self._lock:
            return self._log[max(0, cursor - self._log_start) :], self._log_start + len(self._log)

    # -- idle and the end

    def when_idle(
        self,
        call: Callable[[], None],
        *,
        ready_only: bool = False,
        skip_pending: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Arrange for one `call()` when nothing is left to do; False if that is so already.

        `ready_only` leaves out tasks that a client delayed and that are not due yet. While
        `skip_pending()` is true, only running tasks count; it is called under the lock.
        """

        def idle() -> bool:
            if self._counts[TaskStatus.RUNNING]:
                return False
            left = self._counts[TaskStatus.PENDING] - len(self._parked)
            if left and ready_only:
                limit = facts.now() / 1e9
                left -= sum((self._records[i].due or 0) > limit for i in self._delayed)
            return left <= 0 or skip_pending()

        with self._lock:
            if self._over is not None or idle():
                return False
            self._idlers.append((idle, call))
            return True

    def park(self, record: TaskRecord) -> None:
        """Leave a pending task out of what is to be done: nobody here can run it."""
        with self._lock:
            self._parked.add(record.id)
            self._delayed.discard(record.id)

    def parked(self, record: TaskRecord) -> bool:
        """Tell whether the task waits for a process that can run it."""
        return record.id in self._parked

    def recheck_idle(self) -> None:
        """Look again whether nothing is left to do: what `skip_pending` says has changed.

        Nobody is between check and record then: what `unless` says from now on counts too.
        """
        with self._lock:
            woken = self._idle()
        _wake(woken)

    def confirm_idle(self) -> None:
        """Raise QueueClosed or StorageError if tasks are left that never end."""
        with self._lock:
            left = self._counts[TaskStatus.RUNNING] + self._counts[TaskStatus.PENDING]
            if self._over is not None and left > len(self._parked):
                raise _again(self._over)

    def forget_idle(self, call: Callable[[], None]) -> None:
        """Take back what `when_idle` arranged."""
        with self._lock:
            self._idlers = [pair for pair in self._idlers if pair[1] != call]

    def _idle(self) -> list[Callable[[], None]]:
        calls = [call for idle, call in self._idlers if idle()]
        if calls:
            self._idlers = [pair for pair in self._idlers if pair[1] not in calls]
        return calls

    def end(self, error: TaskQueueError) -> None:
        """Let nothing more happen: wake everyone; waiters get `error`."""
        with self._lock:
            woken = self._end(error)
        _wake(woken)

    def _end(self, error: TaskQueueError) -> list[Callable[[], None]]:
        if self._over is not None:
            return []
        self._over = error
        woken = [*self._at_end, *(call for _, call in self._idlers)]
        self._idlers = []
        for record in self._records.values():
            calls, record.waiters = record.waiters or [], None
            woken += [lambda call=call, record=record: call(record) for call in calls]  # type: ignore[misc]
        return woken

    def at_end(self, call: Callable[[], None]) -> None:
        """Arrange for one `call()` when nothing more can happen here."""
        self._at_end.append(call)

    @property
    def over(self) -> TaskQueueError | None:
        """Why nothing more can happen here, or None."""
        return self._over


def _wake(calls: Iterable[Callable[[], None]]) -> None:
    """Make each call: a callback of a future that raises must not leave the next one asleep."""
    interrupt: KeyboardInterrupt | None = None
    for call in calls:
        try:
            call()
        except KeyboardInterrupt as error:
            interrupt = error
        except BaseException:
            log.exception("a callback raised, and is done with")
    if interrupt is not None:
        raise interrupt


def _text_only(failure: Failure) -> Failure:
    """Return it without the exception, whose traceback holds every local variable of the task."""
    return Failure(failure.names, failure.message, "")


def _again(error: TaskQueueError, task_id: str | None = None) -> TaskQueueError:
    """Return a fresh error like `error`: one object raised in many threads mixes tracebacks."""
    fresh = type(error)(error.message, task_id=task_id or error.task_id, hint=error.hint)
    fresh.__cause__ = error.__cause__ or (error if isinstance(error, StorageError) else None)
    return fresh


def fold(stored: Iterable[RawFact]) -> Registry:
    """Return a registry of facts that were read from somewhere; it stores nothing."""
    reader = Registry(_Stored(stored))
    reader.load()
    return reader


class _Stored(MemoryStore):
    json = True

    def __init__(self, stored: Iterable[RawFact]) -> None:
        self._stored = stored

    def load(self) -> Iterable[RawFact]:
        return self._stored
