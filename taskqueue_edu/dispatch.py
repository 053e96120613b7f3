"""What a pool holds: it claims tasks here, and settles them.

A pool of one's own needs no more than this, in each of its threads:

    desk = queue.dispatcher
    while (run := desk.claim("worker-1")) is not None:
        desk.settle(run, *run_task(run))

The locks of the package, in the order in which a thread may take them: an ExecutorPool's
`_made`, a pool's, a dispatcher's `_changed`, a registry's, then a store's. The locks of pending
queues, of futures and of `RunningTask.request` come last: whoever holds one takes no other. No
lock is held while tasks, callbacks or waiters are called.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

from taskqueue_edu import facts
from taskqueue_edu.catalogue import catalogue
from taskqueue_edu.errors import IllegalTransition, QueueClosed, ResultNotStorable, UnknownTask
from taskqueue_edu.facts import Failure
from taskqueue_edu.limits import Limits
from taskqueue_edu.pending import Pending
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.registry import Registry
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.state import TRANSITIONS
from taskqueue_edu.task import RunningTask, TaskStatus

NUDGE: Final = ""
"""An item that is no task's id. The worker that gets it looks around: should it leave?"""

_FIRST: Final = 2**62
_PENDING: Final = TaskStatus.PENDING
_FAULT: Final = "its worker broke down before the task began"
_BACK: Final = frozenset({facts.RETRIED, facts.RELEASED, facts.RECOVERED})


def _stay() -> bool:
    return False


class Pool(Protocol):
    """Whatever runs the tasks of a queue."""

    @property
    def workers(self) -> int:
        """How many tasks it runs at once."""
        ...


@dataclass(eq=False, repr=False)
class Dispatcher:
    """Hands pending tasks to workers and takes the outcomes back."""

    registry: Registry
    pending: Pending[str]
    retry: RetryPolicy
    max_recoveries: int
    limits: Limits

    def __post_init__(self) -> None:
        # Guards the four below. Notified when the queue resumes or closes, and when a worker
        # that waits at the gate should look around. The registry knows of `paused` and
        # `closed` too: under its lock no task starts against them.
        self._changed = threading.Condition()
        self.paused = False
        """True between `pause` and `resume`. As the next two, others only read it."""
        self.closed = False
        """True after `close`."""
        self.pool: Pool | None = None
        """The pool that runs the tasks, if any."""
        self._nudges = 0

    # -- into the line, and out of it

    def enter(
        self, records: Sequence[TaskRecord], timeout: float | None, *, bounded: bool = True
    ) -> int:
        """Submit tasks: wait for a place for `timeout` seconds, record them, put them in line.

        Takes as many as there are places for, one at least, and returns how many; all of them
        if they are not `bounded`. Raises QueueFull, QueueClosed: then nothing was recorded.
        Raises StorageError.
        """
        try:
            return self.registry.enter(records, timeout, bounded=bounded)
        finally:  # Ctrl-C may come once they are recorded: then the tasks wait in line, too
            for record in records:
                if record.status is None:
                    break
                self.line_up(record)

    def line_up(self, record: TaskRecord) -> None:
        """Put a pending task in line, past the bound: a worker never waits for its own queue."""
        try:
            self.pending.put(record.id, record.priority, record.due)
        except QueueClosed:
            pass
        except BaseException:  # a pending queue of one's own may refuse an item
            self.cancel(record, "the pending queue did not take it")
            raise
        # close() cancels what it finds pending. A task that becomes pending after that look
        # is cancelled here: close() had set `closed` before it looked.
        if self.closed and not self.registry.store.json:
            self.cancel(record, "the queue was closed")

    def cancel(self, record: TaskRecord, reason: str) -> bool:
        """Cancel a pending task: True. Ask a running one to stop: False, as for a finished one."""
        while True:
            try:
                self.registry.record(facts.CANCELLED, record, "", reason)
            except IllegalTransition:
                run = self.registry.run_of(record.id)
                if run is not None:
                    run.request_cancel(reason)
                elif record.status is TaskStatus.PENDING:
                    continue  # it came back just now
                return False
            self.pending.discard(record.id)
            return True

    def cancel_pending(self, reason: str) -> int:
        """Cancel all pending tasks; return how many."""
        pending = [r for r in self.registry.records() if r.status is TaskStatus.PENDING]
        return sum(self.cancel(record, reason) for record in pending)

    # -- workers

    def claim(self, worker: str, leave: Callable[[], bool] = _stay) -> RunningTask | None:
        """Wait for the next task, start it under the name of `worker`, and return the run.

        Returns None when the queue is closed, or when `leave()` is true. It is asked before
        each wait, and after each `nudge`.
        """
        held: TaskRecord | None = None
        try:
            while not (leave() or self.closed) and (not self.paused or self._pass_gate(leave)):
                if held is None:
                    task_id = self.pending.get()
                    if task_id == NUDGE:
                        if self.paused:
                            self._call_back()  # the next one who waits, too
                        continue
                    try:
                        held = self.registry.get(task_id)
                    except UnknownTask:  # cancelled, and forgotten since
                        continue
                run = self.registry.start(held, worker)
                if run is not None:
                    if (held.future is None and run.task is not None) or self._begin(held, run):
                        held = None
                        return run
                    held = None  # it failed at its begin
                elif held.status is not _PENDING:
                    held = None  # cancelled since
                # Else it was paused just now: hold the task, it comes first on resume.
            return None
        except QueueClosed:
            return None
        finally:
            if held is not None:  # whatever ended this, a fault included: no task is dropped
                run = self.registry.run_of(held.id)
                if run is None or not self.lose(run, _FAULT):
                    self.line_up(held)

    def _begin(self, record: TaskRecord, run: RunningTask) -> bool:
        """Complete what a start brings with it; False if the task failed at that."""
        try:
            if record.future is not None:
                record.future.note_started()
            if run.task is None:
                assert record.payload is not None
                run.task = catalogue.decode(record.type, record.payload)
        except Exception as error:  # the class's own __post_init__ runs in there
            self.settle(run, facts.FAILED, Failure.of(error))
            return False
        return True

    def settle(self, run: RunningTask, kind: str, detail: Any) -> bool:
        """Record the outcome of a run, or arrange its retry.

        Returns False if the task was taken from this run in the meantime: then the outcome is
        dropped, since another run of the task counts. Raises ValueError if no run ends in such a
        `kind`, TypeError if one fails and `detail` is no Failure; QueueClosed, StorageError.
        """
        try:
            record = self.registry.get(run.id)
        except UnknownTask:
            return False
        if kind != facts.SUCCEEDED:
            kind, detail = self._decide(record, run, kind, detail)
        elif self.registry.store.json:
            try:
                detail = catalogue.encode_result(record.type, detail)
                self.limits.check(detail, f"the result of {record.type}", ResultNotStorable)
            except BaseException as error:  # the value's own __eq__ runs in there
                kind, detail = self._decide(record, run, facts.FAILED, Failure.of(error))
        try:
            self.registry.record(kind, record, run.worker, detail, run)
        except IllegalTransition:
            return False
        if kind in _BACK:
            self.line_up(record)
        return True

    def _decide(
        self, record: TaskRecord, run: RunningTask, kind: str, detail: Any
    ) -> tuple[str, Any]:
        """Return the fact that a run without a result ends in: is there another one?"""
        if kind not in TRANSITIONS[TaskStatus.RUNNING]:
            raise ValueError(
                f"a run can't end in {kind!r}, but in one of: "
                f"{', '.join(TRANSITIONS[TaskStatus.RUNNING])}"
            )
        if kind == facts.FAILED and not isinstance(detail, Failure):
            raise TypeError(
                f"a run that {kind} is settled with a Failure, as run_task() returns it, and not "
                f"with {type(detail).__name__}: Failure.of(error) makes one"
            )
        if kind == facts.FAILED and self.registry.store.json:
            # Formatted now, and kept: the exception's own __str__ must not run later, when the
            # registry writes the fact under its lock.
            _ = detail.traceback
        unwanted = run.unwanted
        if unwanted is not None:  # a client's wish: no other run
            return (facts.CANCELLED, unwanted) if kind in _BACK else (kind, detail)
        if kind == facts.FAILED:
            wait = (record.retry or self.retry).wait_after(run.attempt, detail.names)
            if wait is not None:
                return facts.RETRIED, (detail, time.time() + wait)
        given_back = record.recoveries
        if kind == facts.RECOVERED and given_back >= self.max_recoveries:
            return facts.DIED, f"{detail}; it was given back {given_back} times before"
        return kind, detail

    def lose(self, run: RunningTask, reason: str) -> bool:
        """Give back a task whose worker died; after too many such deaths it is dead itself."""
        return self.settle(run, facts.RECOVERED, reason)

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
        self._set_paused(True)
        # Workers that wait in line come out to the gate. One that stayed would take the next
        # task that is submitted, and hold it, whatever comes after with a higher priority.
        self._call_back()

    def resume(self) -> None:
        """Start tasks again."""
        self._set_paused(False)

    def _set_paused(self, paused: bool) -> None:
        with self._changed:
            self.paused = paused
            self.registry.hold(paused or self.closed)
            self._changed.notify_all()
        self.registry.recheck_idle()

    def _pass_gate(self, leave: Callable[[], bool]) -> bool:
        """Wait while paused; False if the worker should leave instead of taking a task."""
        while True:
            seen = self._nudges  # before leave(): a nudge that comes after it must be noticed
            if leave():
                return False
            with self._changed:
                while self.paused and not self.closed and self._nudges == seen:
                    self._changed.wait()
                if self.closed:
                    return False
                if not self.paused:
                    return True

    # -- pools

    def attach(self, pool: Pool) -> None:
        """Let `pool` run the tasks. Raises QueueClosed, RuntimeError if there is another pool."""
        with self._changed:
            if self.closed:
                raise QueueClosed("the queue is closed")
            if self.pool is not None and self.pool is not pool:
                raise RuntimeError(
                    "another pool runs this queue; wait for its shutdown(), or resize() it"
                )
            self.pool = pool

    def detach(self, pool: Pool) -> None:
        """Take the pool away."""
        with self._changed:
            if self.pool is pool:
                self.pool = None
        self.registry.recheck_idle()

    def when_drained(self, call: Callable[[], None]) -> bool:
        """Arrange for one `call()` when nothing that could run now is left; False if so now.

        Delayed tasks that are not due, paused tasks, and tasks without a pool don't count.
        """
        return self.registry.when_idle(call, lambda: self.paused or self.pool is None)

    def close(self) -> bool:
        """Take and give out no more tasks; False if that is so already."""
        with self._changed:
            if self.closed:
                return False
            self.closed = True
            self.registry.shut()
            self._changed.notify_all()
        self.pending.close()
        self.registry.recheck_idle()
        return True
