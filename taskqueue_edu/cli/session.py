"""A pool at work until all is done, or until somebody stops it."""

from __future__ import annotations

import os
import queue as _queue
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, NoReturn, Self

import typer

from taskqueue_edu import facts
from taskqueue_edu.catalogue import catalogue
from taskqueue_edu.cli.group import TIME_IS_UP
from taskqueue_edu.cli.output import say
from taskqueue_edu.errors import QueueClosed, StorageError, WaitTimeout
from taskqueue_edu.executor_pool import ExecutorPool
from taskqueue_edu.journal import PersistentQueue
from taskqueue_edu.pool import WorkerPool
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.reporter import Reporter
from taskqueue_edu.task import TaskStatus

GRACE: Final = 5.0
"""Seconds that running tasks get when the command is stopped."""

_NEWEST: Final = 2**62  # a cursor past every fact
_ENDS: Final = (facts.SUCCEEDED, facts.FAILED, facts.DIED, facts.CANCELLED)
_WHY: Final = {130: "Ctrl-C", 143: "SIGTERM", TIME_IS_UP: "--timeout"}


class Session:
    """One run of a queue. The main thread waits at a mailbox for whatever ends it.

    That is 0 when every task has ended and nobody has left another one in the inbox, the exit
    code that belongs to a signal, or the error of the thread that feeds the queue. A second
    signal ends the process on the spot, as `kill -9` would; a journal is made for that.
    """

    def __init__(self, queue: TaskQueue, workers: int, *, processes: bool = False) -> None:
        self.queue = queue
        self.workers = workers
        if processes:
            # When processes are cut off, Python's resource tracker removes what they leave
            # behind, and warns of it. It takes its options from here.
            sys.warnoptions.append("ignore:resource_tracker:UserWarning")
        self.pool = ExecutorPool.processes(workers) if processes else WorkerPool(workers)
        self.stopping = False
        """True once no more tasks are wanted."""
        self.elapsed = 0.0
        """Seconds from the start of the pool to the end of the last task."""
        self.began = facts.now()
        """When the session did, in nanoseconds since 1970."""
        self._before = queue.registry.totals()
        self._clean = True
        self._mail: _queue.SimpleQueue[int | BaseException] = _queue.SimpleQueue()
        self._cursor = queue.registry.facts_since(_NEWEST)[1]
        self._left = [r.id for r in queue.registry.records() if not r.finished]

    @property
    def known(self) -> int:
        """How many tasks the queue has had, less those whose type this process doesn't know."""
        unknown = sum(self.queue.unknown_types.copy().values())
        return self.queue.registry.totals()[facts.SUBMITTED] - unknown

    def ids(self) -> list[str]:
        """Return the ids of the tasks that were unfinished at first, or have come in since.

        Those whose type this process doesn't know are not among them.
        """
        since, _ = self.queue.registry.facts_since(self._cursor)
        came = (fact[1] for fact in since if fact[0] in (facts.SUBMITTED, facts.REVIVED))
        unknown = self._unknown()
        return [each for each in dict.fromkeys([*self._left, *came]) if each not in unknown]

    def _unknown(self) -> dict[str, str]:
        """Return the types, by id, of the tasks that wait for a process that knows them."""
        return {
            record.id: record.type
            for record in self.queue.registry.records()
            if record.status is TaskStatus.PENDING and catalogue.find(record.type) is None
        }

    def say_unknown(self) -> None:
        """Tell which tasks were left, since this process doesn't know their types."""
        for name, n in sorted(Counter(self._unknown().values()).items()):
            say(f"Not run: {n:,} of type {name!r}, which this process doesn't know (--import).")

    def run(
        self,
        feed: Callable[[], None] = lambda: None,
        *,
        total: int | Callable[[], int] | None,
        timeout: float | None = None,
        forever: bool = False,
    ) -> int:
        """Run what is in the queue and what `feed` submits; return 0, or why it was stopped.

        `forever` leaves only a signal or `timeout` (seconds) to stop it. Raises what `feed`
        raised, or StorageError.
        """
        feeder = threading.Thread(
            target=self._feed, args=(feed, forever), name="taskqueue-feeder", daemon=True
        )
        began = time.perf_counter()
        with Reporter(self.queue, total):
            self.pool.start_processing(self.queue)
            feeder.start()
            try:
                end = self._mail.get(timeout=timeout)
            except _queue.Empty:
                end = TIME_IS_UP
            self.elapsed = time.perf_counter() - began
            self.stopping = True
        if isinstance(end, int) and end:
            say(
                f"Stopping ({_WHY[end]}). Running tasks get {GRACE:.0f} s; "
                "another Ctrl-C ends them at once."
            )
        self._clean = self.pool.stop(GRACE)
        if isinstance(end, BaseException):
            raise end
        if isinstance(self.queue.registry.over, StorageError):
            raise self.queue.registry.over
        return end

    def _feed(self, feed: Callable[[], None], forever: bool) -> None:
        try:
            feed()
            self._wait(forever)
        except QueueClosed:
            return  # the session is over
        except BaseException as error:  # the main thread raises it
            self._mail.put(error)
        else:
            self._mail.put(0)

    def _wait(self, forever: bool) -> None:
        """Return when all is done and the inbox is empty. `forever`: raise what ends the queue."""
        taken = 0
        while True:
            self.queue.join()
            if not isinstance(self.queue, PersistentQueue):
                return
            if forever:
                taken = self.queue.inbox.wait_for_more(taken)
                continue
            self.queue.inbox.wait_until_empty()
            with suppress(WaitTimeout):  # what was in the inbox is not done yet
                self.queue.join(timeout=0)
                return

    def ended(self) -> dict[str, int]:
        """Return how many tasks ended in this session, by the kind of the last fact."""
        totals = self.queue.registry.totals()
        return {kind: totals[kind] - self._before[kind] for kind in _ENDS}

    def exit(self, code: int) -> NoReturn:
        """End the command, even if a task would not stop."""
        if self._clean:
            raise typer.Exit(code)
        self.queue.close()
        sys.stdout.flush()
        say("What is still running is cut off.")
        _end_at_once(code)

    def __enter__(self) -> Self:
        self._signals = _caught(self._mail.put)
        self._signals.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._signals.__exit__(None, None, None)


@contextmanager
def _caught(report: Callable[[int], None]) -> Iterator[None]:
    """Report the first SIGINT or SIGTERM as an exit code; end the process at the second."""
    if threading.current_thread() is not threading.main_thread():
        yield  # no other thread may handle signals
        return
    # A handler in Python runs when the main thread comes to it. A main thread that was about to
    # sleep when the signal came sleeps on. So the signal's number goes through a pipe, into
    # which Python writes it at once, to a thread of its own.
    inlet, outlet = os.pipe()
    os.set_blocking(outlet, False)

    def listen() -> None:
        codes: list[int] = []
        while number := os.read(inlet, 1):
            codes.append(128 + number[0])
            if len(codes) > 1:
                _end_at_once(codes[-1])
            report(codes[0])

    listener = threading.Thread(target=listen, name="taskqueue-signals", daemon=True)
    listener.start()
    old_pipe = signal.set_wakeup_fd(outlet)
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(old_pipe)
        os.close(outlet)  # the listener finds the end of the pipe
        listener.join()
        os.close(inlet)


def _end_at_once(code: int) -> NoReturn:
    """End this process and those it started, without waiting for anything in it."""
    processes = sys.modules.get("multiprocessing")
    if processes is not None:
        for child in processes.active_children():
            child.kill()
    os._exit(code)
