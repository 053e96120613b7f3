"""The one place where something happens to a task: check, store, apply, publish."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from taskqueue_edu import facts
from taskqueue_edu.errors import (
    IllegalTransition,
    QueueClosed,
    QueueFull,
    ResultExpired,
    StorageError,
    TaskQueueError,
    UnknownTask,
    WaitTimeout,
)
from taskqueue_edu.factlog import Block, rows
from taskqueue_edu.facts import RawFact
from taskqueue_edu.ledger import FINISHED, RETAIN, Ledger
from taskqueue_edu.locks import give_way
from taskqueue_edu.record import TaskRecord, split_id
from taskqueue_edu.state import next_status
from taskqueue_edu.storage import MemoryStore, Storage
from taskqueue_edu.task import RunningTask, TaskStatus

_PENDING: Final = TaskStatus.PENDING
_RUNNING: Final = TaskStatus.RUNNING

log: Final = logging.getLogger("taskqueue_edu")


def seconds(timeout: float | None) -> float:
    """Return `timeout` as a lock's `acquire` takes it."""
    return -1.0 if timeout is None else min(max(timeout, 0.0), threading.TIMEOUT_MAX)


class Registry:
    """Every task's record, the log of facts, and whoever waits for them.

    Invariant, true whenever `_lock` is free: the ledger is the fold of the facts in the store,
    in their order, with growing times. So a fact is checked, stored and applied under this one
    lock. The store only takes it down there; whoever may go on once the fact is safe waits for
    that (`flush`, `sync`) without the lock.
    """

    def __init__(
        self,
        store: Storage | None = None,
        *,
        maxsize: int = 0,
        retain: int = RETAIN,
        retain_seconds: float | None = None,
    ) -> None:
        """Keep the last `retain` finished tasks, of the last `retain_seconds` (None: of any age).

        Age is looked at when a task finishes. For `maxsize` see `resize`.
        """
        self.store = MemoryStore() if store is None else store
        # A memory store has no use for facts. Not to ask it saves 4% of what a no-op costs.
        self._stores = type(self.store) is not MemoryStore
        self.misfits: list[tuple[RawFact, str]] = []
        self._lock = threading.Lock()
        self._taken = False  # see `give_way`
        self._ledger = Ledger(retain, retain_seconds)
        self._idlers: list[tuple[Callable[[], bool] | None, Callable[[], None]]] = []
        # `_crowd` callers wait for a place, each until fewer than `maxsize` tasks wait (0: no
        # bound). So whatever makes places notifies: one caller when a pending task is none any
        # more, all of them when the bound changes.
        self._places = threading.Condition(self._lock)
        self.maxsize = maxsize
        """How many tasks may wait before `enter` does, if it is bounded: see `resize`."""
        self._crowd = 0
        self._held = self._closed = False
        self._position = 0  # of the last fact in the store
        self._over: TaskQueueError | None = None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock: for what is not done for every task, and may take 2 µs longer."""
        if self._taken:
            give_way(self._lock)
        with self._lock:
            self._taken = True
            yield
            self._taken = False

    # -- what happens

    def load(self) -> list[TaskRecord]:
        """Fold the facts that the store kept; return the records that had not finished.

        Facts that fit no life of a task are in `misfits`, each with the reason. Raises
        StorageError.
        """
        with self._lock, _no_collections():
            self.misfits = self._ledger.replay(self.store.load())
            return [r for r in self._ledger.records.values() if r.status not in FINISHED]

    def enter(
        self, records: Sequence[TaskRecord], timeout: float | None = None, *, bounded: bool = False
    ) -> int:
        """Record that tasks were submitted; if `bounded`, once fewer wait than the bound.

        Takes as many as there are places for, one at least, and returns how many: they are
        synced together. Raises QueueFull after `timeout` seconds, QueueClosed, StorageError.
        """
        try:
            if self._taken:
                give_way(self._lock)
            with self._lock:
                self._taken = True
                if (bounded and self.maxsize) or self._closed or self._over is not None:
                    records = self._admit(records, timeout, bounded)
                try:
                    for record in records:
                        at = facts.now()
                        if self._stores:
                            self._store(record, facts.SUBMITTED, at, record.type, record)
                        self._ledger.submitted(record, at)
                except BaseException as error:
                    self._broke_off(error)
                    raise
                self._taken = False
            if record.position:
                self._secure(record.position, self.store.sync)
            return len(records)
        finally:
            if self._ledger.woken:
                self._wake()

    def _admit(
        self, records: Sequence[TaskRecord], timeout: float | None, bounded: bool
    ) -> Sequence[TaskRecord]:
        """Wait for a place; return those that there are places for, one at least."""
        try:
            if bounded and self._full():
                self._wait_for_place(timeout)
            if self._closed:
                raise QueueClosed("the queue is closed")
            if self._over is not None:
                raise _again(self._over, records[0].id)
        except BaseException:
            self._places.notify()  # as in _broke_off
            raise
        if not (bounded and self.maxsize):
            return records
        return records[: max(1, self.maxsize - self._ledger.waiting())]

    def _full(self) -> bool:
        return 0 < self.maxsize <= self._ledger.waiting()

    def _wait_for_place(self, timeout: float | None) -> None:
        def may_enter() -> bool:
            # Once the registry has ended no place becomes free, and recording says why.
            return self._closed or self._over is not None or not self._full()

        self._crowd += 1
        try:
            limit = None if timeout is None else seconds(timeout)
            entered = self._places.wait_for(may_enter, limit)
        finally:
            self._crowd -= 1
        if not entered:
            raise QueueFull(f"all {self.maxsize} places are taken")

    def resize(self, maxsize: int) -> None:
        """Let at most `maxsize` tasks wait from now on (0: no bound); those that do stay."""
        with self._alone():
            self.maxsize = maxsize
            self._places.notify_all()

    def start(self, record: TaskRecord, worker: str) -> RunningTask | None:
        """Record that `worker` starts a pending task, and return the run.

        Returns None if the task is not pending any more, or if nothing may start now.
        """
        if self._taken:
            give_way(self._lock)
        with self._lock:
            self._taken = True
            if self._held or record.status is not _PENDING:
                if self._over is not None:
                    raise _again(self._over, record.id)
                return None
            run = RunningTask(record.id, record.task, record.attempt + 1, worker)
            self._ledger.runs[record.id] = run
            try:
                at = facts.now()
                if self._stores:
                    self._store(record, facts.STARTED, at, worker, run.attempt)
                self._ledger.started(record, at, worker, run.attempt)
            except BaseException as error:
                if record.status is _PENDING:
                    del self._ledger.runs[record.id]
                self._broke_off(error)
                raise
            if self._crowd:
                self._places.notify()
            self._taken = False
        # A task that kills its process must be found running. One that is lost with the machine
        # was never started: no sync.
        if record.position:
            self._secure(record.position, self.store.flush)
        return run

    def record(
        self,
        kind: str,
        record: TaskRecord,
        who: str = "",
        detail: Any = None,
        run: RunningTask | None = None,
    ) -> None:
        """Let a fact happen: check it, store it, apply it, and wake whoever waits for it.

        `run` is the run that reports it, None for a client: what happens to a running task is
        up to its run, and a run that the task was taken from reports in vain. Raises
        IllegalTransition (nothing was recorded), QueueClosed, StorageError.
        """
        try:
            if self._taken:
                give_way(self._lock)
            with self._lock:
                self._taken = True
                if self._ledger.runs.get(record.id) is not run or self._over is not None:
                    raise self._refusal(record, run)
                status = next_status(record.status, kind)
                if kind == facts.REVIVED:
                    self.get(record.id)  # it may have been forgotten since
                try:
                    fact = (kind, record.id, facts.now(), who, detail)
                    if self._stores:
                        self._store(record, kind, fact[2], who, detail)
                    _dropped = self._ledger.apply(fact, record, status)
                except BaseException as error:
                    self._broke_off(error)
                    raise
                if self._crowd:
                    self._places.notify()
                if self._idlers:
                    self._wake_idlers()
                self._taken = False
            if record.position:
                # A client that hears of it may rely on it. A run need not wait for the disk:
                # whoever asks for its result does, in `confirm`.
                self._secure(record.position, self.store.sync if run is None else self.store.flush)
        finally:
            if self._ledger.woken:
                self._wake()

    def _store(self, record: TaskRecord, kind: str, at: int, who: str, detail: Any) -> None:
        self._position = self.store.append((kind, record.id, at, who, detail))
        record.position = self._position

    def _refusal(self, record: TaskRecord, run: RunningTask | None) -> TaskQueueError:
        if self._over is not None:
            return _again(self._over, record.id)
        return IllegalTransition(
            f"this run of task {record.id} was given up before it ended"
            if run is not None
            else f"task {record.id} is running",
            task_id=record.id,
        )

    def _broke_off(self, error: BaseException) -> None:
        """End, if a fact may be in the store and not in the ledger. Under the lock."""
        self._places.notify()  # if this thread was woken for a place: it is another's
        if isinstance(error, StorageError):
            self._end(error)
        elif self.store.json:
            # Ctrl-C came in the middle. What the file says and what the records say may now
            # differ: the file is right, and opening it anew reads it.
            self._end(StorageError("recording a fact was interrupted"))

    # -- who asks

    def get(self, task_id: str) -> TaskRecord:
        """Return the record of that task. Raises UnknownTask, or ResultExpired."""
        record = self._ledger.records.get(task_id)
        if record is not None:
            return record
        prefix, number = split_id(task_id)
        if number <= self._ledger.forgotten.get(prefix, 0):
            raise ResultExpired(f"the result of task {task_id} is no longer kept", task_id=task_id)
        raise UnknownTask(f"this queue has no task {task_id!r}", task_id=task_id)

    def run_of(self, task_id: str) -> RunningTask | None:
        """Return the run of a running task, or None."""
        return self._ledger.runs.get(task_id)

    def adopt(self, record: TaskRecord) -> RunningTask:
        """Return a run in place of the one that a dead process began."""
        with self._alone():
            run = RunningTask(record.id, None, record.attempt, record.worker)
            self._ledger.runs[record.id] = run
            return run

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
            woken = False
            try:
                woken = gate.acquire(timeout=seconds(timeout))
            finally:  # Ctrl-C comes through here too
                late = woken or not self._forget_waiter(record, wake)
            if not late:
                raise WaitTimeout(
                    f"task {record.id} ({record.type}) is {record.status} after {timeout} s",
                    task_id=record.id,
                )
        self.confirm(record)

    def _forget_waiter(self, record: TaskRecord, call: Callable[[TaskRecord], None]) -> bool:
        """Take back what `when_finished` arranged; False if it is too late."""
        with self._alone():
            if record.waiters is None or call not in record.waiters:
                return False
            record.waiters.remove(call)
            return True

    def confirm(self, record: TaskRecord) -> None:
        """Return when the end of the task is stored.

        Raises QueueClosed or StorageError if it has not ended and never will.
        """
        if record.status not in FINISHED and self._over is not None:
            raise _again(self._over, record.id)
        self._secure(record.position, self.store.sync)

    def _secure(self, position: int, act: Callable[[int], None]) -> None:
        try:
            act(position)
        except StorageError as error:
            self.end(error)
            raise

    def when_finished(self, record: TaskRecord, call: Callable[[TaskRecord], None]) -> bool:
        """Arrange for one `call(record)` when the task ends or can't end any more.

        Returns False, and arranges nothing, if that is so already.
        """
        if self._taken:
            give_way(self._lock)
        with self._lock:
            self._taken = True
            waits = record.status not in FINISHED and self._over is None
            if waits:
                record.waiters = record.waiters or []
                record.waiters.append(call)
            self._taken = False
            return waits

    def counts(self) -> dict[TaskStatus, int]:
        """Return how many of the kept tasks are in each status."""
        with self._alone():
            return self._ledger.counts.copy()

    def totals(self) -> dict[str, int]:
        """Return how often each kind of fact has happened, forgotten tasks included."""
        with self._alone():
            return self._ledger.totals.copy()

    def records(self) -> list[TaskRecord]:
        """Return the records of all kept tasks, oldest first."""
        with self._alone():
            return list(self._ledger.records.values())

    def runs(self) -> list[RunningTask]:
        """Return the runs in progress."""
        with self._alone():
            return list(self._ledger.runs.values())

    def running(self) -> list[TaskRecord]:
        """Return the records of the tasks that are running."""
        with self._alone():
            records, runs = self._ledger.records, self._ledger.runs
            if len(runs) == self._ledger.counts[_RUNNING]:
                return [records[task_id] for task_id in runs]
            # As others left them in a journal: their runs are not here.
            return [record for record in records.values() if record.status is _RUNNING]

    def facts_since(self, cursor: int) -> tuple[list[RawFact], int]:
        """Return the facts from number `cursor` on, and the cursor for the next call.

        Facts that the log has dropped by then are missing from the list.
        """
        blocks, cursor, _ = self.log_since(cursor)
        return rows(blocks), cursor

    def log_since(self, cursor: int) -> tuple[list[Block], int, int]:
        """Return the same as blocks of the log, and how many tasks are pending after them."""
        with self._alone():
            return *self._ledger.log.since(cursor), self._ledger.counts[_PENDING]

    def now(self) -> int:
        """Return the time, in nanoseconds since 1970."""
        return facts.now()

    # -- idle, held, at the end

    def when_idle(self, call: Callable[[], None], unable: Callable[[], bool] | None = None) -> bool:
        """Arrange for one `call()` when nothing is left to do; False if that is so already.

        With `unable`, only what can run counts: no tasks that a client delayed and that are not
        due yet, and while `unable()` is true, which is called under the lock, none but those
        that are running.
        """
        with self._alone():
            if self._over is not None or self._ledger.idle(unable):
                return False
            self._idlers.append((unable, call))
            return True

    def _wake_idlers(self) -> None:
        ready = [pair for pair in self._idlers if self._ledger.idle(pair[0])]
        self._idlers = [pair for pair in self._idlers if pair not in ready]
        self._ledger.woken += [call for _, call in ready]

    def forget_idle(self, call: Callable[[], None]) -> None:
        """Take back what `when_idle` arranged."""
        with self._alone():
            self._idlers = [pair for pair in self._idlers if pair[1] != call]

    def confirm_idle(self) -> None:
        """Return when all that happened is stored.

        Raises QueueClosed or StorageError if tasks are left that never end.
        """
        with self._alone():
            left = self._ledger.counts[_RUNNING] + self._ledger.waiting()
            if left > 0 and self._over is not None:
                raise _again(self._over)
            position = self._position
        if position and self._over is None:  # else closing has seen to it
            self._secure(position, self.store.sync)

    def park(self, record: TaskRecord) -> None:
        """Leave a pending task out of what is to be done: nobody here can run it."""
        with self._alone():
            self._ledger.parked.add(record.id)
            self._ledger.delayed.discard(record.id)
            self._places.notify()

    def hold(self, held: bool) -> None:
        """Let nothing start while `held`, not even what is being recorded as this is called."""
        with self._alone():
            self._held = held or self._over is not None

    def shut(self) -> None:
        """Let nothing start or enter any more."""
        with self._alone():
            self._held = self._closed = True
            self._places.notify_all()

    def recheck_idle(self) -> None:
        """Look again whether nothing is left to do: what `unable` says has changed."""
        with self._alone():
            self._wake_idlers()
        self._wake()

    def end(self, error: TaskQueueError) -> None:
        """Let nothing more happen: wake everyone; waiters get `error`."""
        with self._alone():
            self._end(error)
        self._wake()

    def _end(self, error: TaskQueueError) -> None:
        if self._over is not None:
            return
        self._over = error
        self._held = True
        self._places.notify_all()
        self._ledger.woken += [call for _, call in self._idlers]
        self._idlers = []
        for record in self._ledger.records.values():
            calls, record.waiters = record.waiters or [], None
            self._ledger.woken += [partial(call, record) for call in calls]

    @property
    def over(self) -> TaskQueueError | None:
        """Why nothing more can happen here, or None."""
        return self._over

    def _wake(self) -> None:
        if self._taken:
            give_way(self._lock)
        with self._lock:
            self._taken = True
            woken, self._ledger.woken = self._ledger.woken, []
            self._taken = False
        interrupt: KeyboardInterrupt | None = None
        for call in woken:
            try:
                call()
            except KeyboardInterrupt as error:
                interrupt = error
            except BaseException:  # a future's callback: the next one must not stay asleep
                log.exception("a callback raised, and is done with")
        if interrupt is not None:
            raise interrupt


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the garbage collector from looking, again and again, at facts of which none is garbage.

    Of the time that a journal of a million facts takes to open it is 8%, of a compacted one 23%.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _again(error: TaskQueueError, task_id: str | None = None) -> TaskQueueError:
    """Return a fresh error like `error`: one object raised in many threads mixes tracebacks."""
    fresh = type(error)(error.message, task_id=task_id or error.task_id, hint=error.hint)
    fresh.__cause__ = error.__cause__ or (error if isinstance(error, StorageError) else None)
    return fresh


def fold(stored: Iterable[RawFact]) -> Registry:
    """Return a registry of facts that were read from somewhere; it stores nothing."""
    reader = Registry()
    with _no_collections():
        reader.misfits = reader._ledger.replay(stored)
    return reader
