"""The tasks of a queue on any `concurrent.futures.Executor`: processes, or a cluster."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, ProcessPoolExecutor
from typing import Final, Self

from taskqueue_edu.executor import Outcome, pack, run_packed, unpack
from taskqueue_edu.facts import FAILED, RECOVERED, RELEASED, Failure
from taskqueue_edu.pool import MAX_FAULTS, Workers
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


def _block_interrupts() -> None:
    """Let no interrupt reach this thread, nor a process that it starts, which inherits this.

    Until a process has come to ignore Ctrl-C, in `_in_process`, that would end it with a
    traceback.
    """
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


class ExecutorPool(Workers):
    """Keeps at most `slots` tasks inside an executor, so that order and bound stay the queue's.

    A slot is a thread that hands a task in and waits for its outcome. A task travels as the
    name of its type and JSON, and its class must be importable where it runs. Progress and
    requests to cancel don't reach it there.

    If the executor breaks (a process died), the tasks inside go back to the queue, each with
    its recovery counted, since nobody can tell which of them did it. Given a function that
    makes executors, the pool goes on with a new one; given an executor, it stops, and `broken`
    holds the error. An executor that was given is never shut down here.
    """

    _name = "slot"

    def __init__(self, executor: Executor | Callable[[], Executor], slots: int) -> None:
        """`slots`: how many tasks run at once. Raises ValueError if that is less than 1."""
        super().__init__(slots)
        self._make = None if isinstance(executor, Executor) else executor
        # Guards `_executor` and `_burials`. A slot holds it while it makes a new executor, though
        # that is somebody else's code: the others have to wait for it anyway.
        self._made = threading.Lock()
        self._refusals = 0
        self._burials: list[threading.Thread] = []
        self._executor: Executor | None = executor if isinstance(executor, Executor) else None

    @classmethod
    def processes(cls, workers: int) -> Self:
        """Return a pool of `workers` processes, which are replaced if they die.

        They are started afresh (spawn): a forked child would inherit the locks of other
        threads, and the store's lock file with them.
        """
        context = multiprocessing.get_context("spawn")
        return cls(lambda: ProcessPoolExecutor(workers, context, _in_process), slots=workers)

    def _work(self, name: str) -> None:
        _block_interrupts()
        super()._work(name)

    def _run(self, run: RunningTask) -> Outcome:
        try:
            packed = pack(run)
        except Exception as error:  # InvalidTask; or what the task's own __eq__ raised
            return FAILED, Failure.of(error)
        executor: Executor | None = None
        entered = False
        try:
            executor = self._ready()
            future = executor.submit(run_packed, *packed)
            entered = True
            remote = future.result()
            self._refusals = 0
        except CancelledError:
            return RELEASED, "the executor cancelled it"
        except BaseException as error:  # run_packed itself raises nothing: it broke
            # What never ran there is not held against the task, but against the executor.
            self._refusals += not entered
            return RECOVERED if entered else RELEASED, self._broke(executor, error)
        try:
            return unpack(packed[1], remote)
        except BaseException as error:  # the result's own __post_init__ runs in there
            return FAILED, Failure.of(error)

    def _ready(self) -> Executor:
        """Return the executor, made anew if the last one broke."""
        with self._made:
            if self._executor is None:
                assert self._make is not None
                self._executor = self._make()
                # multiprocessing lets interrupts through again in the thread that starts its
                # first process, the resource tracker, as the locks of an executor make it do.
                _block_interrupts()
            return self._executor

    def _broke(self, executor: Executor | None, error: BaseException) -> str:
        """Put a broken executor away, and say what happened."""
        failure = Failure.of(error)
        why = f"the executor broke: {failure.type}: {failure.message}"
        with self._made:
            if executor is not self._executor or self.broken is not None:
                return why  # another slot has seen to it
            self.crashes += 1
            hopeless = self._make is None or self._refusals >= MAX_FAULTS
            if hopeless:
                self.broken = error
            if self._make is not None and executor is not None:
                self._executor = None
                self._bury(executor)
        log.warning(why)
        if hopeless:
            self._give_up(error)
        return why

    def _bury(self, executor: Executor) -> None:
        """Shut a broken executor down: what it still holds of threads and files ends."""
        # In a thread of its own: another task may go on in there, for as long as it likes.
        thread = threading.Thread(target=executor.shutdown, name="taskqueue-burial", daemon=True)
        thread.start()
        self._burials = [t for t in self._burials if t.is_alive()] + [thread]

    def _gone(self, name: str, *, replace: bool) -> None:
        super()._gone(name, replace=replace)
        if self._threads or self._make is None:
            return
        with self._made:  # of those that leave at the same time, one does it
            executor, self._executor = self._executor, None
            burials = self._burials
        if executor is not None:
            executor.shutdown(wait=True, cancel_futures=True)
        for thread in burials:
            thread.join()
