"""What a client holds: submit, wait, cancel."""

from __future__ import annotations

import os
import reprlib
import sys
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, overload

from taskqueue_edu import facts
from taskqueue_edu.catalogue import catalogue
from taskqueue_edu.dispatch import Dispatcher
from taskqueue_edu.errors import InvalidTask, QueueClosed, QueueFull, WaitTimeout
from taskqueue_edu.futures import attach_future, future_of
from taskqueue_edu.ledger import RETAIN
from taskqueue_edu.limits import MOST, Limits
from taskqueue_edu.outcome import outcome_of, own_outcome
from taskqueue_edu.pending import Pending, PendingQueue
from taskqueue_edu.record import Ids, TaskRecord
from taskqueue_edu.registry import Registry, seconds
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.storage import COMPACT_AT, Storage
from taskqueue_edu.task import Task, TaskId, TaskStatus

if TYPE_CHECKING:
    from taskqueue_edu.journal import PersistentQueue
    from taskqueue_edu.journal.store import Sync
    from taskqueue_edu.web import Dashboard
    from taskqueue_edu.widgets import LiveMonitor

T = TypeVar("T")

NORMAL: Final = 0
"""The priority of a task that is given none."""
NOW: Final = 0.0
_NO_RETRY: Final = RetryPolicy()
_SUCCEEDED: Final = TaskStatus.SUCCEEDED


def _shown(value: object) -> str:
    """Describe what a client gave in place of something else; its size and its code may be odd."""
    try:
        return reprlib.repr(value)
    except Exception:  # an integer of 4,300 digits, or the value's own __repr__
        return f"a {type(value).__qualname__} that can't be shown"


def _check_reason(reason: object) -> None:
    if not isinstance(reason, str):  # the journal could not keep it
        raise InvalidTask(f"the reason is {_shown(reason)}", hint="give a text.")


class TaskQueue:
    """A thread-safe queue of tasks, with a registry of what became of them.

        with TaskQueue() as queue, WorkerPool(4) as pool:
            pool.start_processing(queue)
            task_id = queue.submit(MathTask("sum", (1, 2, 3)))
            print(queue.wait_for_result(task_id))

    Leaving the `with` block waits for the tasks that can run, and closes the queue; on an
    exception it closes at once. A memory queue cancels what is left when it closes, a
    persistent one (`TaskQueue.open`) leaves it for the next time.
    """

    def __init__(
        self,
        *,
        store: Storage | None = None,
        pending: Pending[str] | None = None,
        maxsize: int = 0,
        retry: RetryPolicy = _NO_RETRY,
        retain: int = RETAIN,
        retain_seconds: float | None = None,
        max_recoveries: int = 3,
        limits: Limits = MOST,
    ) -> None:
        """Make an empty queue, or one with what `store` kept.

        `maxsize` bounds the tasks that wait (0: no bound). `retry` applies to tasks whose type
        and submission name no other policy. `retain` is how many finished tasks are kept, and
        `retain_seconds` for how long (None: of any age). A task that took its worker down more
        than `max_recoveries` times is dead. `limits` bounds the size of what a persistent queue
        takes. Raises ValueError if a number is negative, StorageError.
        """
        if min(maxsize, retain, retain_seconds or 0, max_recoveries) < 0:
            raise ValueError("maxsize, retain, retain_seconds, max_recoveries can't be negative")
        self.registry = Registry(
            store, maxsize=maxsize, retain=retain, retain_seconds=retain_seconds
        )
        line = PendingQueue[str]() if pending is None else pending
        self.dispatcher = Dispatcher(self.registry, line, retry, max_recoveries, limits)
        self._json = self.registry.store.json
        self._new_id = Ids()
        self._live: LiveMonitor | None = None
        self.recovered = self.died = 0
        self.unknown_types: dict[str, int] = {}
        self._recover(self.registry.load())

    @staticmethod
    def open(
        folder: str | os.PathLike[str],
        *,
        sync: Sync = "process",
        interval: float = 1.0,
        retain: int = RETAIN,
        retain_seconds: float | None = None,
        compact_at: int | None = COMPACT_AT,
        **options: Any,
    ) -> PersistentQueue:
        """Open a persistent queue: its tasks and results are in a journal in `folder`.

        What was acknowledged survives the death of this process with `sync="process"`; with
        "always" it survives a power cut too, with "interval" after `interval` seconds. For
        `compact_at` see JsonStore; the other options are those of TaskQueue. Tasks that were
        running when the last process died are tried again; tasks whose type this process
        doesn't know stay in the journal. `recovery` says what was found. Raises StorageError,
        StoreLocked, JournalDamaged.
        """
        from taskqueue_edu.journal import JsonStore, PersistentQueue

        store = JsonStore(
            folder,
            sync=sync,
            interval=interval,
            retain=retain,
            retain_seconds=retain_seconds,
            compact_at=compact_at,
        )
        return PersistentQueue(store, retain=retain, retain_seconds=retain_seconds, **options)

    def _recover(self, unfinished: list[TaskRecord]) -> None:
        for record in unfinished:
            if record.status is TaskStatus.RUNNING:
                run = self.registry.adopt(record)
                self.dispatcher.lose(run, "the process that ran it died")
                dead = self.status(record.id) is TaskStatus.DEAD
                self.recovered += not dead
                self.died += dead
            else:
                self.dispatcher.line_up(record)
            self._park_unknown(record)

    def _park_unknown(self, record: TaskRecord) -> None:
        if record.status is TaskStatus.PENDING and catalogue.find(record.type) is None:
            self.unknown_types[record.type] = self.unknown_types.get(record.type, 0) + 1
            self.dispatcher.pending.discard(record.id)
            self.registry.park(record)

    # -- for clients

    def submit(
        self,
        task: Task[T],
        *,
        priority: int = NORMAL,
        delay: float = NOW,
        retry: RetryPolicy | None = None,
        timeout: float | None = None,
    ) -> TaskId[T]:
        """Queue a task and return its id at once; a worker runs it later.

        A higher `priority` runs first. The task runs `delay` seconds from now at the earliest.
        If the queue is full, wait for a place for `timeout` seconds (None: as long as it
        takes). Raises InvalidTask, QueueFull, QueueClosed; then nothing was recorded.
        """
        record = self._record(task, priority, delay, retry)
        self.dispatcher.enter((record,), timeout)
        return record.id  # type: ignore[return-value]  # a plain str stands for a TaskId

    def submit_many(
        self,
        tasks: Iterable[Task[T]],
        *,
        priority: int = NORMAL,
        delay: float = NOW,
        retry: RetryPolicy | None = None,
        timeout: float | None = None,
    ) -> list[TaskId[T]]:
        """Queue several tasks; return their ids in the same order.

        All are checked before the first is queued: an InvalidTask means that none was. A
        QueueFull notes how many went in: those stay. In a journal they are synced together.
        """
        records = [self._record(task, priority, delay, retry) for task in tasks]
        entered = 0
        end = None if timeout is None else time.monotonic() + timeout
        while entered < len(records):
            left = None if end is None else end - time.monotonic()
            try:
                entered += self.dispatcher.enter(records[entered:], left)
            except QueueFull as error:
                error.add_note(f"{entered} of {len(records)} tasks were queued before.")
                raise
        return [record.id for record in records]  # type: ignore[misc]

    def _record(
        self, task: Task[Any], priority: int, delay: float, retry: RetryPolicy | None
    ) -> TaskRecord:
        """Check what a client gave, and return the record of a task that is not submitted yet."""
        if not callable(getattr(task, "execute", None)):
            raise InvalidTask(
                f"a {type(task).__qualname__} has no execute() method",
                hint="submit an object with execute(); for a plain function use pool.submit().",
            )
        if not (priority is NORMAL and delay is NOW and retry is None):  # the defaults are right
            self._check_options(priority, delay, retry)
        entry = catalogue.of(task)
        if retry is None and entry is not None:
            retry = entry.retry
        name = entry.name if entry is not None else type(task).__qualname__
        payload = None
        if self._json:
            payload, task = catalogue.encode(task)
            self.dispatcher.limits.check(payload, name)
        due = float(time.time() + delay) if delay else None
        return TaskRecord(self._new_id(), name, task, payload, priority, due, retry)

    def _check_options(self, priority: int, delay: float, retry: RetryPolicy | None) -> None:
        # By type too: the journal would take what it can't read back.
        if not (type(priority) is int and abs(priority) < 2**53):
            raise InvalidTask(f"priority is {_shown(priority)}", hint="give a whole number.")
        if type(delay) not in (int, float) or not 0.0 <= delay < 1e10:
            raise InvalidTask(f"delay is {_shown(delay)}", hint="give seconds, 0 or more.")
        if not (
            retry is None
            or isinstance(retry, RetryPolicy)
            or (not self._json and callable(getattr(retry, "wait_after", None)))
        ):
            raise InvalidTask(
                f"retry is {_shown(retry)}",
                hint="give a RetryPolicy; a memory queue takes any object with wait_after().",
            )

    def submit_future(self, task: Task[T]) -> Future[T]:
        """Queue a task and return its future, which raises the task's own exception.

        This is what the Executor side of a pool is made of: the future is there before the
        task can start, and needs nothing of the queue afterwards. Raises as `submit` does.
        """
        record = self._record(task, NORMAL, NOW, None)
        future = attach_future(record, partial(own_outcome, self.registry), self.dispatcher.cancel)
        self.dispatcher.enter((record,), None)
        return future

    @overload
    def wait_for_result(self, task_id: TaskId[T], timeout: float | None = None) -> T: ...
    @overload
    def wait_for_result(self, task_id: str, timeout: float | None = None) -> Any: ...
    def wait_for_result(self, task_id: str, timeout: float | None = None) -> Any:
        """Wait for the task to finish and return its result.

        Raises TaskFailed (from the task's own exception), TaskDead, TaskCancelled; WaitTimeout
        after `timeout` seconds; UnknownTask, ResultExpired; QueueClosed if the queue is closed
        before the task could run; StorageError.
        """
        record = self.registry.get(task_id)
        if not record.finished or record.position:
            self.registry.wait(record, timeout)
        if record.status is _SUCCEEDED and not self._json:
            return record.value  # what `outcome_of` would say: 0.1 µs instead of 0.4
        value, error = outcome_of(self.registry, record)
        if error is not None:
            raise error
        return value

    def status(self, task_id: str) -> TaskStatus:
        """Return where the task is in its life. Raises UnknownTask, ResultExpired."""
        status = self.registry.get(task_id).status
        assert status is not None
        return status

    def cancel_pending(self, reason: str = "cancelled by the client") -> int:
        """Cancel all pending tasks; return how many. Raises InvalidTask if `reason` is no text."""
        _check_reason(reason)
        return self.dispatcher.cancel_pending(reason)

    def cancel(self, task_id: str, reason: str = "cancelled by the client") -> bool:
        """Cancel a task; True if it will not run, or not again.

        A pending task is cancelled at once. A running one is asked to stop, which it may do at
        its next checkpoint: the answer is False then, as it is for a finished task. Raises
        UnknownTask, ResultExpired, InvalidTask if `reason` is no text.
        """
        _check_reason(reason)
        return self.dispatcher.cancel(self.registry.get(task_id), reason)

    def revive(self, task_id: str, reason: str = "put back by the client") -> None:
        """Put a failed or dead task back.

        Raises IllegalTransition for any other, InvalidTask if `reason` is no text, QueueClosed.
        """
        _check_reason(reason)
        record = self.registry.get(task_id)
        if self.closed:
            raise QueueClosed("the queue is closed", task_id=task_id)
        self.registry.record(facts.REVIVED, record, "", reason)
        self.dispatcher.line_up(record)

    def future(self, task_id: str) -> Future[Any]:
        """Return a standard Future of the task: for `as_completed`, `wait`, `asyncio.wrap_future`.

        Its result or exception is what `wait_for_result` returns or raises; its `cancel` is
        `queue.cancel`.
        """
        record = self.registry.get(task_id)
        outcome = partial(outcome_of, self.registry)
        return future_of(self.registry, record, outcome, self.dispatcher.cancel)

    # -- waiting for all

    def join(self, timeout: float | None = None) -> None:
        """Wait until every task has finished, delayed ones included.

        A paused queue, or one without a pool, gets there only if its tasks are cancelled. Tasks
        of an unknown type don't count. Raises WaitTimeout; QueueClosed or StorageError if the
        queue ends before its tasks do.
        """
        gate = threading.Lock()
        gate.acquire()
        if self.registry.when_idle(gate.release):
            try:
                done = gate.acquire(timeout=seconds(timeout))
            finally:
                self.registry.forget_idle(gate.release)
            if not done:
                left = self.registry.counts()
                raise WaitTimeout(
                    f"after {timeout} s {left[TaskStatus.PENDING]} tasks are pending and "
                    f"{left[TaskStatus.RUNNING]} are running"
                )
        self.registry.confirm_idle()

    async def drained(self) -> None:
        """Wait as `join` does, without holding up the event loop.

        In a notebook `await queue.drained()` leaves widgets alive while it waits.
        """
        import asyncio  # it takes as long to import as all of the core, and few programs need it

        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop may have been closed since
                loop.call_soon_threadsafe(done.set)

        if self.registry.when_idle(wake):
            try:
                await done.wait()
            finally:
                self.registry.forget_idle(wake)
        self.registry.confirm_idle()

    def serve_dashboard(self, *, host: str = "127.0.0.1", port: int = 0) -> Dashboard:
        """Serve a web page that shows this queue live; `url` of what it returns is its address.

        It ends with the queue, by its `close()`, or with the `with` block that it begins. It is
        for this machine: another `host` lets others read along. `port` 0 is any that is free.
        Raises ImportError if starlette and uvicorn are not installed, OSError for a port that
        is taken.
        """
        from taskqueue_edu.web import serve

        dashboard = serve(self, host=host, port=port)
        dashboard.start()
        return dashboard

    # -- bound, pause, close

    def resize(self, maxsize: int) -> None:
        """Change how many tasks may wait (0: no bound). Raises ValueError if it is negative.

        Whoever waits for a place that there is now gets it at once. Tasks that wait already
        stay, even if they are more.
        """
        if maxsize < 0:
            raise ValueError(f"a queue can't have {maxsize} places; 0 means no bound")
        self.registry.resize(maxsize)

    @property
    def maxsize(self) -> int:
        """How many tasks may wait (0: no bound)."""
        return self.registry.maxsize

    def pause(self) -> None:
        """Start no more tasks until `resume`. Running tasks go on."""
        self.dispatcher.pause()

    def resume(self) -> None:
        """Start tasks again."""
        self.dispatcher.resume()

    @property
    def paused(self) -> bool:
        """True between `pause` and `resume`."""
        return self.dispatcher.paused

    @property
    def closed(self) -> bool:
        """True after `close`."""
        return self.dispatcher.closed

    def close(self) -> None:
        """Take no more tasks, and deal with those that are left; closing twice is fine.

        A memory queue cancels pending tasks and asks running ones to stop. A persistent queue
        leaves pending tasks in the journal and gives running ones back to it; whoever waits
        for one of them gets QueueClosed.
        """
        if not self.dispatcher.close():
            return
        # From here on nothing starts.
        if self._json:
            self._give_back("the queue was closed")
        else:
            self._cancel_all("the queue was closed")

    def _give_back(self, reason: str) -> None:
        try:
            for run in self.registry.runs():
                run.request_release(reason)
                if self.registry.over is None:
                    self.dispatcher.settle(run, facts.RELEASED, reason)
            self.registry.end(QueueClosed("the queue was closed before the task had finished"))
        finally:
            self.registry.store.close()

    def _cancel_all(self, reason: str) -> None:
        try:
            # Pending tasks come first: one that is retried after this look at them is cancelled
            # by whoever puts it back.
            if self.registry.over is None:
                self.dispatcher.cancel_pending(reason)
            for run in self.registry.runs():
                run.request_cancel(reason)
        finally:
            if not self.registry.when_idle(self.registry.store.close):
                self.registry.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        gate = threading.Lock()
        gate.acquire()
        try:
            if kind is None and self.dispatcher.when_drained(gate.release):
                gate.acquire()
        finally:
            self.registry.forget_idle(gate.release)
            self.close()

    def __repr__(self) -> str:
        counts = self.registry.counts()
        shown = ", ".join(f"{n} {status}" for status, n in counts.items() if n) or "empty"
        return f"<TaskQueue: {shown}{', paused' if self.paused else ''}>"

    def _ipython_display_(self) -> None:
        """Show the queue live, as the last value of a notebook's cell: see LiveMonitor."""
        # NotImplementedError tells IPython to show the repr: in a terminal, without ipywidgets.
        if self.closed or "ipykernel" not in sys.modules:
            raise NotImplementedError
        try:
            from taskqueue_edu.widgets import LiveMonitor
        except ImportError:
            raise NotImplementedError from None
        if self._live is None:
            self._live = LiveMonitor(self)
        self._live.show()
