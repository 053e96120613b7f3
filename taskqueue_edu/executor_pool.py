"""The tasks of a queue on any `concurrent.futures.Executor`: processes, or a cluster."""

from __future__ import annotations

import logging
import multiprocessing
import queue as _queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from taskqueue_edu.errors import InvalidTask, QueueClosed, StorageError
from taskqueue_edu.executor import RemoteOutcome, pack, run_packed, unpack
from taskqueue_edu.facts import FAILED, RELEASED, Failure
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.task import RunningTask

log: Final = logging.getLogger("taskqueue_edu")


class ExecutorPool:
    """Keeps at most `slots` tasks inside an executor, so that order and bound stay the queue's.

    A task travels as the name of its type and JSON, and its class must be importable where it
    runs. Progress and requests to cancel don't reach it there.

    If the executor breaks (a process died), the tasks inside go back to the queue, each with
    its recovery counted, since nobody can tell which of them did it. Given a function that
    makes executors, the pool goes on with a new one; given an executor, it stops, and `broken`
    holds the error.
    """

    def __init__(self, executor: Executor | Callable[[], Executor], slots: int) -> None:
        """`slots`: how many tasks run at once. Raises ValueError if that is less than 1."""
        if slots < 1:
            raise ValueError(f"a pool needs at least 1 slot, not {slots}")
        self._make = None if isinstance(executor, Executor) else executor
        # Guards the fields below. `_inside` are the runs that were handed to the executor.
        self._lock = threading.Lock()
        self._executor: Executor | None = executor if isinstance(executor, Executor) else None
        self._inside: dict[str, RunningTask] = {}
        self._queue: TaskQueue | None = None
        self._thread: threading.Thread | None = None
        self._leaving = False
        self.broken: BaseException | None = None
        """What broke the executor, if that ended the pool."""
        self.crashes = 0
        """How often an executor broke."""
        self._slots = slots
        # A free slot is a name in here. Whoever takes it out hands out a task under that name.
        self._free: _queue.SimpleQueue[str] = _queue.SimpleQueue()
        for n in range(1, slots + 1):
            self._free.put(f"slot-{n}")

    @classmethod
    def processes(cls, workers: int) -> Self:
        """Return a pool of `workers` processes, which are replaced if they die.

        They are started afresh (spawn): a forked child would inherit the locks of other
        threads, and the store's lock file with them.
        """
        context = multiprocessing.get_context("spawn")
        return cls(lambda: ProcessPoolExecutor(workers, mp_context=context), slots=workers)

    def start_processing(self, queue: TaskQueue) -> None:
        """Run the tasks of `queue` until `shutdown` or `stop`. Raises QueueClosed, RuntimeError."""
        with self._lock:
            if self._leaving or self._queue is not None:
                raise RuntimeError("this pool has been started already; make a new one")
            queue.dispatcher.attach(self)
            self._queue = queue
            if self._make is not None:
                self._executor = self._make()
            self._thread = threading.Thread(target=self._feed, name="taskqueue-feeder", daemon=True)
            self._thread.start()

    @property
    def workers(self) -> int:
        """How many tasks run at once."""
        return self._slots

    def running(self) -> dict[str, RunningTask]:
        """Return the tasks inside the executor, by slot."""
        with self._lock:
            return dict(self._inside)

    # -- in and out

    def _feed(self) -> None:
        assert self._queue is not None
        desk = self._queue.dispatcher
        while True:
            slot = self._free.get()
            handed_in = False
            try:
                run = desk.claim(slot, lambda: self._leaving)
                if run is None:
                    return
                handed_in = self._hand_in(slot, run)
            except (QueueClosed, StorageError) as error:
                log.info("the queue of an ExecutorPool ended: %s", error.message)
                return
            finally:
                if not handed_in:
                    self._free.put(slot)

    def _hand_in(self, slot: str, run: RunningTask) -> bool:
        """Give a task to the executor; False if it did not get there."""
        assert self._queue is not None
        assert run.task is not None
        try:
            packed = pack(run)
        except InvalidTask as error:
            self._queue.dispatcher.settle(run, FAILED, Failure.of(error))
            return False
        with self._lock:
            executor = self._executor
            self._inside[slot] = run
        assert executor is not None
        try:
            future = executor.submit(run_packed, *packed)
        except RuntimeError as error:  # broken, or shut down by somebody else
            self._take_out(slot, run, executor, error)
            return False
        future.add_done_callback(lambda done: self._done(slot, run, packed[1], executor, done))
        return True

    def _done(
        self,
        slot: str,
        run: RunningTask,
        name: str,
        executor: Executor,
        future: Future[RemoteOutcome],
    ) -> None:
        assert self._queue is not None
        try:
            remote = future.result()
        except BaseException as error:  # broken or cancelled: run_packed itself raises nothing
            self._take_out(slot, run, executor, error)
        else:
            with self._lock:
                self._inside.pop(slot, None)
            with suppress(QueueClosed, StorageError):  # the registry tells whoever waits
                try:
                    outcome = unpack(name, remote)
                except InvalidTask as error:
                    outcome = (FAILED, Failure.of(error))
                self._queue.dispatcher.settle(run, *outcome)
        self._free.put(slot)

    def _take_out(
        self, slot: str, run: RunningTask, executor: Executor, error: BaseException
    ) -> None:
        assert self._queue is not None
        with self._lock:
            self._inside.pop(slot, None)
            first = executor is self._executor and not self._leaving
            if first:
                self.crashes += 1
                if self._make is not None:
                    self._executor = self._make()
                else:
                    self.broken, self._leaving = error, True
        if first:
            log.warning("the executor broke: %r", error)
            executor.shutdown(wait=False)
        with suppress(QueueClosed, StorageError):
            self._queue.dispatcher.lose(run, f"the executor broke: {error!r}")
        if self.broken is not None:
            self._queue.dispatcher.detach(self)
            self._queue.dispatcher.nudge()

    # -- the end

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Finish the tasks that can run, then end; as WorkerPool.shutdown."""
        queue = self._queue
        if queue is None:
            return
        if cancel_futures:
            queue.dispatcher.cancel_pending("the pool was shut down")
        if not queue.dispatcher.when_drained(self._dismiss):
            self._dismiss()
        if wait:
            self._join(None)

    def stop(self, timeout: float | None = None) -> bool:
        """End without draining: wait up to `timeout` seconds for the tasks inside.

        Those that are not done by then go back to the queue. Returns True if none was left.
        """
        self._dismiss()
        ended = self._join(timeout)
        if not ended and self._queue is not None:
            for run in self.running().values():
                with suppress(QueueClosed):
                    self._queue.dispatcher.settle(run, RELEASED, "its pool was stopped")
        return ended

    def _dismiss(self) -> None:
        with self._lock:
            self._leaving = True
        if self._queue is not None:
            self._queue.dispatcher.nudge()
            self._queue.dispatcher.detach(self)

    def _join(self, timeout: float | None) -> bool:
        end = None if timeout is None else time.monotonic() + timeout
        free: list[str] = []
        with suppress(_queue.Empty):
            while len(free) < self._slots:  # once every slot is free, nothing is inside
                left = None if end is None else max(end - time.monotonic(), 0.0)
                free.append(self._free.get(timeout=left))
        for slot in free:
            self._free.put(slot)
        ended = len(free) == self._slots
        if ended and self._thread is not None:
            self._thread.join()
        if self._make is not None and self._executor is not None:
            self._executor.shutdown(wait=ended, cancel_futures=True)
        return ended

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.shutdown()
        else:
            self.stop()
