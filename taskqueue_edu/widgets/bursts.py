"""What the control panel submits: bursts of tasks, one task after another."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from itertools import count
from typing import Any, Final

from taskqueue_edu.errors import QueueFull
from taskqueue_edu.picture.words import plural
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.task import Task
from taskqueue_edu.workloads import (
    FetchPage,
    IndexFile,
    MathTask,
    PageServer,
    PrimeTask,
    RiskyTask,
    corpus_files,
)

PRACTICE: Final = "practice"
SECONDS: Final = 0.2
"""How long a practice task takes, unless somebody chooses otherwise."""

WORKLOADS: Final[Mapping[str, str]] = {
    PRACTICE: "Practice (take time, may fail)",
    "index": "Index source files (CPU-bound)",
    "fetch": "Fetch pages from a local server (I/O-bound)",
    "primes": "Count primes (CPU-bound)",
    "sums": "Add up numbers (over at once)",
}
"""The workloads that a burst can be made of, with what they are."""


class Burst:
    """`size` tasks of one workload, `left` of which are not submitted yet."""

    def __init__(self, workload: str, size: int) -> None:
        self.workload = workload
        self.size = self.left = size
        self.was_full = False
        """True once it had to wait for a place in the queue."""

    def __str__(self) -> str:
        what = WORKLOADS[self.workload].partition(" (")[0].lower()
        return f"{plural(self.size, 'task')}: {what}"


class Bursts:
    """The bursts that are not in the queue yet, oldest first. One thread uses it at a time."""

    def __init__(self) -> None:
        self.waiting: deque[Burst] = deque()
        self.seconds = SECONDS
        """How long practice tasks take that are made from now on."""
        self.risk = 0.0
        """The probability that a run of them fails."""
        self._numbers = count(1)
        self._files = corpus_files()
        self._server: PageServer | None = None

    def feed(self, queue: TaskQueue, limit: float) -> Burst:
        """Submit tasks of the oldest burst for `limit` seconds, or to its end, and return it.

        Raises what `queue.submit` raises, but for QueueFull, and OSError if no server for pages
        can be started; then what is left has been dropped.
        """
        burst = self.waiting[0]
        end = time.monotonic() + limit
        try:
            while burst.left and (now := time.monotonic()) < end:
                task = self._task(burst.workload)
                queue.submit(task, timeout=end - now)
                burst.left -= 1
        except QueueFull:
            burst.was_full = True
        except BaseException:
            self.drop()
            raise
        if not burst.left:
            self.waiting.popleft()
        return burst

    def _task(self, workload: str) -> Task[Any]:
        number = next(self._numbers)
        match workload:
            case "index":
                return IndexFile(str(self._files[number % len(self._files)]))
            case "fetch":
                self._server = self._server or PageServer()
                return FetchPage(self._server.url(f"/page/{number % 1_000}"))
            case "primes":
                return PrimeTask(20_000)
            case "sums":
                return MathTask("sum", tuple(range(number % 100 + 1)))
            case _:
                return RiskyTask(self.seconds, self.risk, seed=number)

    @property
    def left(self) -> int:
        """How many tasks are not submitted yet."""
        return sum(burst.left for burst in self.waiting)

    def drop(self) -> int:
        """Forget what is not submitted yet; return how many tasks that were."""
        left = self.left
        self.waiting.clear()
        return left

    def close(self) -> None:
        """Stop the server for pages, if there is one."""
        if self._server is not None:
            self._server.close()
