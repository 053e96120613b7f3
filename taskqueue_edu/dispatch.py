"""What a pool holds: it claims tasks here, and settles them.

A pool of one's own needs no more than this, in each of its threads:

    desk = queue.dispatcher
    while (run := desk.claim("worker-1")) is not None:
        desk.settle(run, *run_task(run))

The locks of the package, in the order in which a thread may take them: a pool's, a
dispatcher's `_changed`, a registry's, then a store's. The locks of pending queues, of futures
and of `RunningTask.request` come last: whoever holds one takes no other. No lock is held while
tasks, callbacks or waiters are called.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from taskqueue_edu import facts
from taskqueue_edu.catalogue import catalogue
from taskqueue_edu.errors import (
    IllegalTransition,
    QueueClosed,
    QueueFull,
    UnknownTask,
)
from taskqueue_edu.facts import Failure
from taskqueue_edu.pending import Pending
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.registry import Registry
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.task import RunningTask, TaskStatus

NUDGE: Final = ""
"""An item that is no task's id. The worker that gets it looks around: should it leave?"""

_FIRST: Final = 2**62
_FAULT: Final = "its worker broke down before the task began"


def _stay() -> bool:
    return False


class Pool(Protocol):
    """Whatever runs the tasks of a queue."""

    @property
    def workers(self) -> int:
        """How many tasks it runs at once."""
        ...


class Dispatcher:
    """Hands pending tasks to workers and takes the outcomes back."""

    def __init__(
        self,
        registry: Registry,
        pending: Pending[str],
        maxsize: int,
        retry: RetryPolicy,
        max_recoveries: int,
    ) -> None:
        self.registry = registry
        self.pending = pending
        self.maxsize = maxsize
        self.retry = retry
        self.max_recoveries = max_recoveries
        # Guards the five below. Invariant: `_waiting` is the number of pending tasks, plus
        # submits under way. Notified when a place is free, the queue resumes or closes, and
        # when a worker that waits at the gate should look around.
        self._changed = threading.Condition()
        self._waiting = 0
        self._paused = False
        self._closed = False
        self._pool: Pool | None = None
        self._nudges = 0
        registry.at_end(self._look_up)

    # -- places

    def take_place(self, timeout: float | None) -> None:
        """Reserve a place for a task; wait for one up to `timeout` seconds.

        Raises QueueFull, QueueClosed.
        """
        with self._changed:
            if self.maxsize and not self._changed.wait_for(
                self._may_enter,
                None if timeout is None else min(max(timeout, 0.0), threading.TIMEOUT_MAX),
            ):
                raise QueueFull(f"all {self.maxsize} places are taken")
            if self._closed:
                raise QueueClosed("the queue is closed")
            self._waiting += 1

    def _may_enter(self) -> bool:
        # Once the registry has ended no place becomes free, and recording says why.
        over = self._closed or self.registry.over is not None
        return over or self._waiting < self.maxsize

    def _look_up(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def free_place(self) -> None:
        """Give a place back."""
        with self._changed:
            self._waiting -= 1
            if self.maxsize:
                # Not notify(): workers at the gate wait here too, and one wakeup might go to them.
                self._changed.notify_all()

    def line_up(self, record: TaskRecord, *, reserved: bool = False) -> None:
        """Put a pending task in line, past the bound: a worker never waits for its own queue."""
        if not reserved:
            with self._changed:
                self._waiting += 1
        try:
            self.pending.put(record.id, record.priority, record.due)
        except QueueClosed:
            pass
        except BaseException:  # a pending queue of one's own may refuse an item
            self.cancel(record, "the pending queue did not take it")
            raise
        # close() cancels what it finds pending. A task that becomes pending after that look
        # is cancelled here: close() had set `_closed` before it looked.
        if self._closed and not self.registry.store.json:
            self.cancel(record, "the queue was closed")

    def park(self, record: TaskRecord) -> None:
        """Take a pending task out of line for good: nobody here can run it."""
        self.pending.discard(record.id)
        self.free_place()
        self.registry.park(record)

    def cancel(self, record: TaskRecord, reason: str) -> bool:
        """Cancel a pending task: True. Ask a running one to stop: False, as for a finished one."""
        parked = self.registry.parked(record)
        try:
            self.registry.record(facts.CANCELLED, record, "", reason, expect=TaskStatus.PENDING)
        except IllegalTransition:
            run = record.run
            if run is not None:
                run.request_cancel(reason)
            return False
        if not parked:  # a parked task is not in line, and took no place
            self.pending.discard(record.id)
            self.free_place()
        return True

    def cancel_pending(self, reason: str) -> int:
        """Cancel all pending tasks; return how many."""
        pending = [r for r in self.registry.records() if r.status is TaskStatus.PENDING]
        return sum(self.cancel(record, reason) for record in pending)

    # -- workers

    def claim(self, worker: str, leave: Callable[[], bool] = _stay) -> RunningTask | None:
        """Wait for the next task, start it under the name of `worker`, and return the run.

        Returns None when the queue is closed, or when `leave()` is true. It is asked before
        each wait and after each `nudge`.
        """
        held: TaskRecord | None = None
        run: RunningTask | None = None
        try:
            while not (leave() or self._closed) and (not self._paused or self._pass_gate(leave)):
                if held is None:
                    held = self._next()
                    continue  # that may have taken long: look around before it starts
                submission = held.submission
                if submission is None:
                    held = None  # cancelled since
                    continue
                run = RunningTask(held.id, submission.task, held.attempt + 1, worker)
                try:
                    self.registry.record(
                        facts.STARTED, held, worker, run.attempt, run, unless=self._on_hold
                    )
                except IllegalTransition:
                    if held.status is not TaskStatus.PENDING:
                        held = None
                    continue  # paused just now: hold the task, it comes first on resume
                record, held = held, None
                if self._begin(record, run):
                    return run
            return None
        except QueueClosed:
            return None
        finally:
            if held is not None:  # whatever ended this, a fault included: no task is dropped
                self._put_back(held, run)

    def _put_back(self, record: TaskRecord, run: RunningTask | None) -> None:
        if run is not None and record.run is run and self.lose(run, _FAULT):
            self.free_place()  # it was started all the same, and lined up once more
        else:
            self.line_up(record, reserved=True)

    def _next(self) -> TaskRecord | None:
        """Wait for the next item; None if it is a nudge, or a task that is no more."""
        task_id = self.pending.get()
        if task_id == NUDGE:
            if self._paused:
                self._call_back()  # the next one who waits, too
            return None
        try:
            return self.registry.get(task_id)
        except UnknownTask:
            return None  # cancelled, and forgotten since

    def _on_hold(self) -> bool:
        return self._paused or self._closed

    def _begin(self, record: TaskRecord, run: RunningTask) -> bool:
        """Complete what a start brings with it; False if the task failed at that."""
        try:
            self.free_place()
            if record.future is not None:
                record.future.note_started()
            if run.task is None:
                assert record.submission is not None
                assert record.submission.payload is not None
                run.task = catalogue.decode(record.type, record.submission.payload)
        except Exception as error:  # the class's own __post_init__ runs in there
            self.settle(run, facts.FAILED, Failure.of(error))
            return False
        except BaseException:
            self.lose(run, _FAULT)
            raise
        return True

    def settle(self, run: RunningTask, kind: str, detail: Any) -> bool:
        """Record the outcome of a run, or arrange its retry.

        Returns False if the task was taken from this run in the meantime: then the outcome is
        dropped, since another run of the task counts. Raises QueueClosed, StorageError.
        """
        try:
            record = self.registry.get(run.id)
        except UnknownTask:
            return False
        if kind == facts.SUCCEEDED and self.registry.store.json:
            try:
                detail = catalogue.encode_result(record.type, detail)
            except BaseException as error:  # the value's own __eq__ runs in there
                kind, detail = facts.FAILED, Failure.of(error)
        if kind == facts.FAILED:
            if self.registry.store.json:
                # Formatted now, and kept: the exception's own __str__ must not run later, when
                # the registry writes the fact under its lock.
                _ = detail.traceback
            submission = record.submission
            if run.unwanted is None and submission is not None:
                policy = submission.retry or self.retry
                wait = policy.wait_after(run.attempt, detail.names)
                if wait is not None:
                    return self._back(facts.RETRIED, run, (detail, time.time() + wait))
        if kind == facts.RELEASED:
            return self._back(kind, run, detail)
        try:
            self.registry.record(kind, record, run.worker, detail, run)
        except IllegalTransition:
            return False
        return True

    def lose(self, run: RunningTask, reason: str) -> bool:
        """Give back a task whose worker died; after too many such deaths it is dead itself."""
        try:
            record = self.registry.get(run.id)
        except UnknownTask:
            return False
        if run.unwanted is not None or record.recoveries < self.max_recoveries:
            return self._back(facts.RECOVERED, run, reason)
        reason = f"{reason}; it was given back {record.recoveries} times before"
        try:
            self.registry.record(facts.DIED, record, run.worker, reason, run)
        except IllegalTransition:
            return False
        return True

    def _back(self, kind: str, run: RunningTask, detail: Any) -> bool:
        record = self.registry.get(run.id)
        if run.unwanted is not None:  # a client asked to cancel it: it shall not run again
            kind, detail = facts.CANCELLED, run.unwanted
        try:
            self.registry.record(kind, record, run.worker, detail, run)
        except IllegalTransition:
            return False
        if kind != facts.CANCELLED:
            self.line_up(record)
        return True

    def nudge(self) -> None:
        """Make a waiting worker ask whether it should leave; one that leaves passes it on."""
        with self._changed:
            self._nudges += 1
            self._changed.notify_all()
        self._call_back()

    def _call_back(self) -> None:
        with suppress(QueueClosed):
            self.pending.put(NUDGE, _FIRST)

    # -- the gate

    def pause(self) -> None:
        """Start no more tasks until `resume`, not one after this returns. Running tasks go on."""
        with self._changed:
            self._paused = True
        # Workers that wait in line come out to the gate. One that stayed would take the next
        # task that is submitted, and hold it, whatever comes after with a higher priority.
        self._call_back()
        self.registry.recheck_idle()  # a start that was being recorded is, when this returns

    def resume(self) -> None:
        """Start tasks again."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    @property
    def paused(self) -> bool:
        """True between `pause` and `resume`."""
        return self._paused

    def _pass_gate(self, leave: Callable[[], bool]) -> bool:
        """Wait while paused; False if the worker should leave instead of taking a task."""
        while True:
            seen = self._nudges  # before leave(): a nudge that comes after it must be noticed
            if leave():
                return False
            with self._changed:
                while self._paused and not self._closed and self._nudges == seen:
                    self._changed.wait()
                if self._closed:
                    return False
                if not self._paused:
                    return True

    # -- pools

    def attach(self, pool: Pool) -> None:
        """Let `pool` run the tasks. Raises QueueClosed, RuntimeError if there is another pool."""
        with self._changed:
            if self._closed:
                raise QueueClosed("the queue is closed")
            if self._pool is not None and self._pool is not pool:
                raise RuntimeError(
                    "another pool runs this queue; wait for its shutdown(), or resize() it"
                )
            self._pool = pool

    def detach(self, pool: Pool) -> None:
        """Take the pool away."""
        with self._changed:
            if self._pool is pool:
                self._pool = None
        self.registry.recheck_idle()

    @property
    def pool(self) -> Pool | None:
        """The pool that runs the tasks, if any."""
        return self._pool

    def when_drained(self, call: Callable[[], None]) -> bool:
        """Arrange for one `call()` when nothing that could run now is left; False if so now.

        Delayed tasks that are not due, paused tasks, and tasks without a pool don't count.
        """
        return self.registry.when_idle(
            call, ready_only=True, skip_pending=lambda: self._paused or self._pool is None
        )

    def close(self) -> bool:
        """Take and give out no more tasks; False if that is so already."""
        with self._changed:
            if self._closed:
                return False
            self._closed = True
            self._changed.notify_all()
        self.pending.close()
        self.registry.recheck_idle()  # as in pause()
        return True

    @property
    def closed(self) -> bool:
        """True after `close`."""
        return self._closed
