"""Six runs, each with one thing wrong, for a learner who reads the monitor as a doctor would.

They come from a small model of a queue in virtual time. So each is the same on every machine, and
a minute of it takes no time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from itertools import count
from typing import Final, NamedTuple

from taskqueue_edu import facts
from taskqueue_edu.factlog import CODES
from taskqueue_edu.recording import Entry, Recording

_BEGAN: Final = 1_767_578_400  # 2026-01-05 02:00 UTC, in seconds
_TAKING: Final = 0.001
"""Seconds that a free worker needs to take a task."""


class Job(NamedTuple):
    """A task that is to be submitted `at` so many seconds, and whose runs take `seconds` each.

    `ends` are the facts that end its runs, in order. After all but the last it waits again, at the
    end of the line.
    """

    at: float
    type: str
    seconds: float
    ends: tuple[str, ...] = (facts.SUCCEEDED,)


class _Waiting(NamedTuple):
    job: Job
    task_id: str
    since: float
    runs: int


class _Model:
    """A queue and its workers. Whoever submits waits outside while `bound` tasks wait inside."""

    def __init__(self, workers: int, bound: int) -> None:
        self.log: list[Entry] = []
        self._bound = bound
        self._numbers = count(1)
        self._outside: deque[Job] = deque()
        self._inside: deque[_Waiting] = deque()
        self._free = [f"worker-{number}" for number in range(1, workers + 1)]
        self._taken = 0.0  # when a worker last took a task
        self._order = count()  # of what happens at the same time
        self._events: list[tuple[float, int, Callable[[float], None]]] = []

    def at(self, when: float, what: Callable[[float], None]) -> None:
        heappush(self._events, (when, next(self._order), what))

    def go(self) -> None:
        while self._events:
            now, _, what = heappop(self._events)
            what(now)
            while self._moves(now):
                pass

    def _moves(self, now: float) -> bool:
        """Let a task in, or start one; return whether there was one."""
        if self._outside and len(self._inside) < self._bound:
            self._submit(self._outside.popleft(), now)
        elif self._free and self._inside:
            self._start(self._inside.popleft(), self._free.pop(0), now)
        else:
            return False
        return True

    def come(self, job: Job) -> None:
        self._outside.append(job)

    def _submit(self, job: Job, now: float) -> None:
        task_id = f"task-{next(self._numbers)}"
        now = max(now, self._taken)  # the place is free once a worker has taken what was in it
        self._note(facts.SUBMITTED, task_id, now, job.type, job.type, 0)
        self._inside.append(_Waiting(job, task_id, now, 0))

    def _start(self, one: _Waiting, worker: str, now: float) -> None:
        start = self._taken = now + _TAKING
        self._note(facts.STARTED, one.task_id, start, worker, one.job.type, _ns(one.since))
        self.at(start + one.job.seconds, lambda end: self._end(one, worker, start, end))

    def _end(self, one: _Waiting, worker: str, start: float, now: float) -> None:
        kind = one.job.ends[one.runs]
        self._note(kind, one.task_id, now, worker, one.job.type, _ns(start))
        self._free.append(worker)
        if one.runs + 1 < len(one.job.ends):
            self._inside.append(_Waiting(one.job, one.task_id, now, one.runs + 1))

    def _note(self, kind: str, task_id: str, at: float, who: str, type_: str, since: int) -> None:
        self.log.append((CODES[kind], task_id, _ns(at), who, type_, since))


def _ns(seconds: float) -> int:
    return _BEGAN * 10**9 + round(seconds * 1000) * 10**6


def run(jobs: Iterable[Job], workers: int, bound: int = 10**6) -> Recording:
    """Return what happens if these jobs come to a queue with so many workers and places."""
    model = _Model(workers, bound)
    for job in jobs:
        model.at(job.at, lambda _, job=job: model.come(job))  # type: ignore[misc]
    model.go()
    return Recording(model.log)


def steady(type_: str, every: float, seconds: float, until: float = 60) -> list[Job]:
    """Return jobs that come one after the other, from 0 seconds on."""
    return [Job(n * every, type_, seconds) for n in range(round(until / every))]


def patients() -> dict[str, Recording]:
    """Return the six runs, by the letters that a learner knows them by."""
    storm = [facts.RETRIED] * 7 + [facts.FAILED]
    crash = [facts.RECOVERED] * 11 + [facts.DIED]
    mail = steady("mail", 0.25, 0.2)
    return {
        "A": run(steady("index", 0.1, 0.3), workers=2),
        "B": run([*mail, *(Job(10 + n % 4 + n // 4 * 25, "report", 15) for n in range(8))], 4),
        "C": run([j._replace(ends=tuple(storm)) if 20 <= j.at < 40 else j for j in mail], 2),
        "D": run([*steady("mail", 1.5, 0.5), Job(10, "convert", 2, tuple(crash))], 2),
        "E": run([*steady("mail", 0.5, 0.2), *[Job(20, "mail", 0.2)] * 200], 4),
        "F": run(steady("index", 0.1, 0.3), workers=2, bound=4),
    }
