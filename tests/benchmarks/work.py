"""The tasks that the benchmarks run, and their twins for pools that take functions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from taskqueue_edu import Monitor, TaskQueue, task_type
from tests.benchmarks.harness import Sample

WORKERS: Final = 4
WARM_UP: Final = 500
REFRESH: Final = 0.2
"""Seconds between two refreshes of the live monitor in a notebook."""


class Noop:
    """A task that does nothing: all of its time is bookkeeping."""

    def execute(self) -> None:
        """Do nothing."""


def noop() -> None:
    """Do nothing."""


@task_type("benchmarks.echo")
@dataclass(frozen=True)
class Echo:
    """The smallest task with an argument and a result, both of which a journal can keep."""

    number: int

    def execute(self) -> int:
        """Return the argument."""
        return self.number


def echo(number: int) -> int:
    """Return the argument."""
    return number


def timed(work: Callable[[], int], tasks: int) -> Sample:
    """Return the seconds a task takes where `work` runs `echo` on each number below `tasks`.

    It returns the sum of the results.
    """
    began = time.perf_counter()
    total = work()
    seconds = time.perf_counter() - began
    assert total == tasks * (tasks - 1) // 2
    return {"seconds": seconds / tasks}


@task_type("benchmarks.burn")
@dataclass(frozen=True)
class Burn:
    """A task that keeps one core busy."""

    steps: int

    def execute(self) -> int:
        """Add up `steps` numbers."""
        return burn(self.steps)


def burn(steps: int) -> int:
    """Add up `steps` numbers in pure Python."""
    total = 0
    for number in range(steps):
        total += number * number & 7
    return total


def steps_for(seconds: float) -> int:
    """Return how many steps of `burn` take that long on this machine."""
    probe = 50_000
    best = float("inf")
    for _ in range(7):
        began = time.perf_counter()
        burn(probe)
        best = min(best, time.perf_counter() - began)
    return max(int(probe * seconds / best), 1)


@contextmanager
def watched(queue: TaskQueue) -> Iterator[Monitor]:
    """Attach a Monitor that takes a snapshot 5 times a second, as the live monitor does."""
    monitor = Monitor(queue)
    over = threading.Event()

    def look() -> None:
        while not over.wait(REFRESH):
            monitor.snapshot()

    thread = threading.Thread(target=look, name="benchmark-monitor")
    thread.start()
    try:
        yield monitor
    finally:
        over.set()
        thread.join()


class Usage(NamedTuple):
    """What this process has had of the system so far; nothing where Python can't tell."""

    sleeps: int = 0
    """How often a thread went to sleep, and another one got the core."""
    preemptions: int = 0
    """How often a thread had to leave its core to another one, as to one that it just woke."""
    faults: int = 0
    """How often memory was touched that the system had yet to provide."""

    @classmethod
    def now(cls) -> Self:
        """Return what it is now."""
        try:
            from resource import RUSAGE_SELF, getrusage
        except ImportError:
            return cls()
        used = getrusage(RUSAGE_SELF)
        return cls(used.ru_nvcsw, used.ru_nivcsw, used.ru_minflt)

    def since(self, before: Usage, tasks: int) -> Sample:
        """Return what a task has had since `before`."""
        return {
            name: (value - old) / tasks
            for name, value, old in zip(self._fields, self, before, strict=True)
        }
