"""The tasks of a queue on any `concurrent.futures.Executor`: processes, or a cluster."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue as _queue
import signal
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from typing import Final, Self

from taskqueue_edu.errors import QueueClosed, StorageError
from taskqueue_edu.executor import RemoteOutcome, pack, run_packed, unpack
from taskqueue_edu.facts import FAILED, RELEASED, Failure
from taskqueue_edu.pool import MAX_FAULTS
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.task import RunningTask

log: Final = logging.getLogger("taskqueue_edu")


def _in_process() -> None:
    """Prepare a process of a pool: it leaves Ctrl-C to its parent, and does not outlive it."""
    # A terminal, or Jupyter, interrupts the whole group: here that would fail the task.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, name="taskqueue-parent", daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()  # a process that waits for its next task would wait for ever
    os._exit(1)


class ExecutorPool:
    """Keeps at most `slots` tasks inside an executor, so that order and bound stay the queue's.

    A task travels as the name of its type and JSON, and its class must be importable where it
    runs. Progress and requests to cancel don't reach it there.

    If the executor breaks (a process died), the tasks inside go back to the queue, each with
    its recovery counted, since nobody can tell which of them did it. Given a function that
    makes executors, the pool goes on with a new one; given an executor, it stops, and `broken`
    holds the error. An executor that was given is never shut down here.
    """

    def __init__(self, executor: Executor | Callable[[], Executor], slots: int) -> None:
        """`slots`: how many tasks run at once. Raises ValueError if that is less than 1."""
        if slots < 1:
            raise ValueError(f"a pool needs at least 1 slot, not {slots}")
        self._make = None if isinstance(executor, Executor) else executor
        # Guards the fields below. `_inside` are the runs that were handed to the executor;
        # `_feeding` is true while more may be. Notified when one of both ends.
        self._changed = threading.Condition()
        self._executor: Executor | None = executor if isinstance(executor, Executor) else None
        self._dead: list[Executor] = []
        self._inside: dict[str, RunningTask] = {}
        self._feeding = False
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
        return cls(lambda: ProcessPoolExecutor(workers, context, _in_process), slots=workers)

    def start_processing(self, queue: TaskQueue) -> None:
        """Run the tasks of `queue` until `shutdown` or `stop`. Raises QueueClosed, RuntimeError."""
        with self._changed:
            if self._leaving or self._queue is not None:
                raise RuntimeError("this pool has been started already; make a new one")
            queue.dispatcher.attach(self)
            self._queue = queue
        try:
            self._ready()
            self._thread = threading.Thread(target=self._feed, name="taskqueue-feeder", daemon=True)
            self._feeding = True
            self._thread.start()
        except BaseException:
            self._leaving, self._feeding = True, False
            queue.dispatcher.detach(self)
            raise

    def _ready(self) -> Executor:
        """Return the executor, made anew if the last one broke. For one thread at a time."""
        with self._changed:
            executor = self._executor
        if executor is None:
            assert self._make is not None
            self._bury(wait=True)
            executor = self._make()  # somebody else's code: not under the lock
            with self._changed:
                self._executor = executor
        return executor

    def _bury(self, *, wait: bool) -> None:
        """Shut down the executors that broke: what they still hold of threads and files ends."""
        with self._changed:
            dead, self._dead = self._dead, []
        for executor in dead:
            executor.shutdown(wait=wait)

    @property
    def workers(self) -> int:
        """How many tasks run at once."""
        return self._slots

    def running(self) -> dict[str, RunningTask]:
        """Return the tasks inside the executor, by slot."""
        with self._changed:
            return dict(self._inside)

    # -- in and out

    def _feed(self) -> None:
        assert self._queue is not None
        # A process inherits this from the thread that starts it. Until it has come to ignore
        # Ctrl-C itself, in _in_process, an interrupt would end it with a traceback.
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        desk = self._queue.dispatcher
        faults = 0
        while faults < MAX_FAULTS:
            slot = self._free.get()
            handed_in = False
            try:
                run = desk.claim(slot, lambda: self._leaving)
                if run is None:
                    break
                handed_in = self._hand_in(slot, run)
                faults = 0
            except (QueueClosed, StorageError) as error:
                log.info("the queue of an ExecutorPool ended: %s", error.message)
                break
            except BaseException as error:  # it was not accepted, or a fault in the loop itself
                log.warning("an ExecutorPool could not hand a task in: %s", Failure.of(error))
                faults += 1
                if faults == MAX_FAULTS:
                    self.broken = error
            finally:
                if not handed_in:
                    self._free.put(slot)
        with self._changed:
            self._leaving, self._feeding = True, False
            self._changed.notify_all()
        # Not before this thread has left: the nudge meant for it would be lost on a worker of
        # the next pool.
        desk.detach(self)

    def _hand_in(self, slot: str, run: RunningTask) -> bool:
        """Give a task to the executor; False if it fails before. Raises what the executor does."""
        assert self._queue is not None
        executor: Executor | None = None
        try:
            packed = pack(run)
        except Exception as error:  # InvalidTask; or what the task's own __eq__ raised
            self._queue.dispatcher.settle(run, FAILED, Failure.of(error))
            return False
        try:
            executor = self._ready()
            with self._changed:
                self._inside[slot] = run
            future = executor.submit(run_packed, *packed)
        except BaseException as error:  # broken, or shut down by somebody else
            self._take_out(run, executor, error, entered=False)
            self._empty(slot)
            raise
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
            self._take_out(run, executor, error, entered=True)
        else:
            try:
                outcome = unpack(name, remote)
            except BaseException as error:  # the result's own __post_init__ runs in there
                outcome = (FAILED, Failure.of(error))
            with suppress(QueueClosed, StorageError):  # the registry tells whoever waits
                try:
                    self._queue.dispatcher.settle(run, *outcome)
                except (QueueClosed, StorageError):
                    raise
                except BaseException as error:  # a fault: this thread is the executor's own
                    log.exception("the outcome of task %s was lost", run.id)
                    self._queue.dispatcher.lose(run, f"its outcome was lost: {Failure.of(error)}")
        finally:
            self._empty(slot)
            self._free.put(slot)

    def _empty(self, slot: str) -> None:
        with self._changed:
            self._inside.pop(slot, None)
            self._changed.notify_all()

    def _take_out(
        self, run: RunningTask, executor: Executor | None, error: BaseException, *, entered: bool
    ) -> None:
        """Give a task back that the executor did not accept, or that it broke under."""
        assert self._queue is not None
        failure = Failure.of(error)
        why = f"the executor broke: {failure.type}: {failure.message}"
        cancelled = isinstance(error, CancelledError)
        with self._changed:
            first = executor is self._executor and not (self._leaving or cancelled)
            if first:
                self.crashes += 1
                if self._make is None:
                    self.broken, self._leaving = error, True
                elif executor is not None:
                    self._executor = None
                    # Not shut down here: this may be its own thread, which can't wait for itself.
                    self._dead.append(executor)
        if first:
            log.warning(why)
        with suppress(QueueClosed, StorageError):
            if entered and not cancelled:
                self._queue.dispatcher.lose(run, why)
            else:  # it never ran there: that is not held against it
                self._queue.dispatcher.settle(run, RELEASED, why)
        if first:
            self._queue.dispatcher.nudge()  # the feeder may have to leave

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
                with suppress(QueueClosed, StorageError):
                    self._queue.dispatcher.settle(run, RELEASED, "its pool was stopped")
            self._queue.dispatcher.detach(self)
        return ended

    def _dismiss(self) -> None:
        with self._changed:
            self._leaving = True
        if self._queue is not None:
            self._queue.dispatcher.nudge()

    def _join(self, timeout: float | None) -> bool:
        limit = None if timeout is None else min(max(timeout, 0.0), threading.TIMEOUT_MAX)
        with self._changed:
            ended = self._changed.wait_for(lambda: not (self._inside or self._feeding), limit)
            executor = self._executor
        if ended and self._thread is not None:
            self._thread.join()
        self._bury(wait=ended)
        if self._make is not None and executor is not None:
            executor.shutdown(wait=ended, cancel_futures=True)
        return ended

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.shutdown()
        else:
            self.stop()
