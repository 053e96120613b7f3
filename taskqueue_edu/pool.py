"""Threads that run the tasks of a queue."""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from functools import partial
from typing import Final, ParamSpec, Self, TypeVar

from taskqueue_edu.errors import QueueClosed, StorageError, WorkerCrash
from taskqueue_edu.executor import Call, Outcome, run_task
from taskqueue_edu.facts import RELEASED, Failure
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.task import RunningTask

P = ParamSpec("P")
T = TypeVar("T")

log: Final = logging.getLogger("taskqueue_edu")

EXIT_GRACE: Final = 5.0
"""Seconds that running tasks get to stop when the interpreter exits without `shutdown`."""

MAX_FAULTS: Final = 10
"""How often in a row taking a task may fail, as with a broken pending queue of one's own."""


class Workers:
    """Threads that run the tasks of a queue: what WorkerPool and ExecutorPool have in common.

    They are daemons, so that a task that never ends can't keep the interpreter alive; leaving
    the `with` block, `shutdown` or `stop` end them in order.
    """

    _name = "worker"

    def __init__(self, workers: int) -> None:
        """Make a pool; its threads start with `start_processing`. Raises ValueError."""
        self._check(workers)
        # Invariant, true whenever the lock is free: `_threads` are the workers that take tasks,
        # by name; `_leaving` are those that were told to go and may still be on their last
        # steps. There are `_target` workers, or soon will be: as long as there are more, a nudge
        # is under way to one of them.
        self._lock = threading.Lock()
        self._target = workers
        self._threads: dict[str, threading.Thread] = {}
        self._leaving: set[threading.Thread] = set()
        self._queue: TaskQueue | None = None
        self._down = False
        self._stopping = False
        self._faults = self._crashes_due = 0
        self.crashes = 0
        """How many workers have crashed and were replaced."""
        self.broken: BaseException | None = None
        """What kept the workers from taking tasks, if that ended the pool."""

    @staticmethod
    def _check(workers: int) -> None:
        if workers < 1:
            raise ValueError(f"a pool needs at least 1 worker, not {workers}")

    # -- start, grow, shrink

    def start_processing(self, queue: TaskQueue) -> None:
        """Run the tasks of `queue` until `shutdown` or `stop`.

        Raises QueueClosed, or RuntimeError if the pool or the queue has another partner.
        """
        with self._lock:
            if self._down:
                raise RuntimeError("this pool was shut down; make a new one")
            if self._queue is not None and self._queue is not queue:
                raise RuntimeError("this pool already runs another queue")
            queue.dispatcher.attach(self)
            self._queue = queue
            self._grow()
        _alive.add(self)

    def resize(self, workers: int) -> None:
        """Change the number of workers. One too many leaves once its task has ended."""
        self._check(workers)
        with self._lock:
            if self._down:
                raise RuntimeError("this pool was shut down; make a new one")
            self._target = workers
            if self._queue is None:
                return
            self._grow()
        self._queue.dispatcher.nudge()

    def _grow(self) -> None:
        for n in range(1, self._target + 1):
            if len(self._threads) >= self._target:
                break
            name = f"{self._name}-{n}"
            if name not in self._threads:
                thread = threading.Thread(
                    target=self._work, args=(name,), name=f"taskqueue-{name}", daemon=True
                )
                thread.start()  # first: it may raise, and then there is no such worker
                self._threads[name] = thread

    @property
    def workers(self) -> int:
        """How many workers there are, or soon will be."""
        return self._target

    @property
    def queue(self) -> TaskQueue | None:
        """The queue whose tasks this pool runs."""
        return self._queue

    def running(self) -> dict[str, RunningTask]:
        """Return the tasks in progress, by worker."""
        queue = self._queue
        if queue is None or queue.dispatcher.pool is not self:
            return {}
        return {run.worker: run for run in queue.registry.runs()}

    # -- the worker

    def _work(self, name: str) -> None:
        assert self._queue is not None
        desk = self._queue.dispatcher
        leave = partial(self._leaves, name)
        run: RunningTask | None = None
        crashed = False
        try:
            while (run := desk.claim(name, leave)) is not None:
                self._faults = 0
                if self._stopping:  # it was not among the runs that stop() found
                    run.request_release("its worker stops")
                desk.settle(run, *self._run(run))
                run = None  # an idle worker keeps nothing of its last task alive
        except (QueueClosed, StorageError):
            pass  # whoever waits for the task is told by the registry
        except BaseException as error:  # an injected crash, or a fault in the loop itself
            crashed = True
            self._crashed(name, run, error)
        finally:
            self._gone(name, replace=crashed)
            # What a task raised holds the frames it came through, and may be kept for long: not
            # the pool with it, nor the queue.
            del self, desk, leave

    def _run(self, run: RunningTask) -> Outcome:
        """Execute the task and return the kind and the detail of the fact to be recorded."""
        raise NotImplementedError

    def _leaves(self, name: str) -> bool:
        """Decide whether this worker goes: at most once for each worker too many."""
        if len(self._threads) <= self._target and not self._crashes_due:
            return False
        with self._lock:
            if self._crashes_due:
                self._crashes_due -= 1
                raise WorkerCrash("a crash of an idle worker was asked for")
            if len(self._threads) <= self._target:
                return False
            self._leaving.add(self._threads.pop(name))
        return True

    def _crashed(self, name: str, run: RunningTask | None, error: BaseException) -> None:
        assert self._queue is not None
        failure = Failure.of(error)  # it can describe an exception that can't be printed
        why = f"{name} crashed: {failure.type}: {failure.message}"
        log.warning(why)
        if run is not None:
            with suppress(QueueClosed, StorageError):  # the registry tells whoever waits
                self._queue.dispatcher.lose(run, why)
        with self._lock:
            self.crashes += 1
            self._faults += run is None and not isinstance(error, WorkerCrash)
            hopeless = self._faults >= MAX_FAULTS and self.broken is None
            if hopeless:  # with the lock still held: no other worker is replaced any more
                self.broken, self._target = error, 0
        if hopeless:
            log.error("the workers can't take tasks, and are not replaced any more")
            self._give_up(error)

    def _give_up(self, error: BaseException) -> None:
        """End the pool: no worker can go on."""
        with self._lock:
            self.broken, self._down = error, True
        self._dismiss()

    def _gone(self, name: str, *, replace: bool) -> None:
        """Take this worker off the list. Nudge the next one if it is to leave too."""
        assert self._queue is not None
        with self._lock:
            if self._threads.get(name) is threading.current_thread():
                self._leaving.add(self._threads.pop(name))
            self._leaving = {thread for thread in self._leaving if thread.is_alive()}
            if replace:
                self._grow()
            more = len(self._threads) > self._target
            last = not self._threads and not self._target
        if more:
            self._queue.dispatcher.nudge()
        # Not before all have left: the nudge meant for one of them would be lost on a worker of
        # the next pool.
        if last:
            self._queue.dispatcher.detach(self)

    # -- the end

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Finish the tasks that can run, then end the workers; the queue stays open.

        With `cancel_futures`, pending tasks are cancelled first. With `wait=False`, return at
        once and let that happen. Raises RuntimeError in a task that would wait for itself.
        """
        with self._lock:
            if wait and threading.current_thread() in self._threads.values():
                raise RuntimeError("a task can't wait for the end of its own pool; use wait=False")
            self._down = True
        if self._queue is None:
            return
        if cancel_futures:
            self._queue.dispatcher.cancel_pending("the pool was shut down")
        self._drain()
        if wait:
            self._join(None)

    def stop(self, timeout: float | None = None) -> bool:
        """End the workers without draining: idle ones go, running tasks are asked to stop.

        A task that stops at a checkpoint goes back to the queue, to run again from its start,
        as does one that is still running after `timeout` seconds (None: wait for it). Returns
        True if every thread has ended.
        """
        with self._lock:
            self._down = self._stopping = True
        if self._queue is None:
            return True
        for run in self.running().values():
            run.request_release("its worker stops")
        self._dismiss()
        ended = self._join(timeout)
        if not ended:
            for run in self.running().values():
                with suppress(QueueClosed, StorageError):
                    self._queue.dispatcher.settle(run, RELEASED, "its worker was stopped")
            self._queue.dispatcher.detach(self)
        return ended

    def _drain(self) -> None:
        """Dismiss the workers once nothing is left that can run."""
        assert self._queue is not None
        if not self._queue.dispatcher.when_drained(self._dismiss):
            self._dismiss()

    def _dismiss(self) -> None:
        assert self._queue is not None
        with self._lock:
            self._target = 0
        self._queue.dispatcher.nudge()

    def _join(self, timeout: float | None) -> bool:
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._lock:
                threads = [*self._threads.values(), *self._leaving]
            threads = [t for t in threads if t.is_alive() and t is not threading.current_thread()]
            if not threads:
                _alive.discard(self)
                return True
            for thread in threads:
                thread.join(None if end is None else max(end - time.monotonic(), 0.0))
                if thread.is_alive():
                    return False

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.shutdown()
        else:
            self.stop()

    def __enter__(self) -> Self:
        return self


class WorkerPool(Workers, Executor):
    """`workers` threads that pull tasks: an idle one takes the next, and none polls.

    It is also a `concurrent.futures.Executor`: `pool.submit(function, ...)` returns a standard
    Future. Without a queue of its own yet, it makes itself a memory queue for that.
    """

    def __init__(self, workers: int = 4) -> None:
        """Make a pool; its threads start with `start_processing`. Raises ValueError."""
        super().__init__(workers)
        # `_entering` counts the calls of `submit` under way: what was accepted before `shutdown`
        # is done before the end.
        self._entering = 0
        self._own_queue = False

    _run = staticmethod(run_task)  # without `self`: see _work

    def crash_worker(self) -> str | None:
        """Crash one worker, for practice: at its next checkpoint, or at once if it is idle.

        A thread can't be killed from outside, so a busy worker crashes where its task calls
        `progress`, `checkpoint` or `sleep`; a task that never does ends as usual. The task is
        tried again, the worker replaced. Returns the worker's name if it was busy.
        """
        for name, run in self.running().items():
            if run.request(WorkerCrash(f"a crash of {name} was asked for")):
                return name
        with self._lock:
            self._crashes_due += 1
        if self._queue is not None:
            self._queue.dispatcher.nudge()
        return None

    def _drain(self) -> None:
        if not self._entering:  # else the last of them comes here
            super()._drain()

    def _dismiss(self) -> None:
        super()._dismiss()
        if self._own_queue:
            assert self._queue is not None
            self._queue.close()

    # -- the Executor side

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `fn(*args, **kwargs)` on a worker; return its Future.

        The future's exception is the function's own, as the standard library has it. Raises
        RuntimeError after `shutdown`, InvalidTask if the pool runs a persistent queue.
        """
        with self._lock:
            if self._down:
                raise RuntimeError("cannot schedule new futures after shutdown")
            if self._queue is None:
                # Nobody asks this queue for a result again: the futures have them.
                self._queue, self._own_queue = TaskQueue(retain=0), True
                self._queue.dispatcher.attach(self)
                _alive.add(self)
            self._grow()  # unless all are there: the system may have had no thread left before
            queue = self._queue
            self._entering += 1
        try:
            return queue.submit_future(Call(fn, args, kwargs))
        finally:
            with self._lock:
                self._entering -= 1
                last = self._down and not self._entering
            if last:
                self._drain()


_alive: Final[weakref.WeakSet[Workers]] = weakref.WeakSet()


@atexit.register
def _at_exit() -> None:
    for pool in list(_alive):
        if isinstance(pool, WorkerPool) and pool._own_queue:
            pool.shutdown()  # as the standard library's executors do
        else:
            pool.stop(EXIT_GRACE)
