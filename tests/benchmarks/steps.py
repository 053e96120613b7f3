"""What each mechanism gains: the same no-ops with the plain way in its place.

One mechanism at a time is taken out, or the plain way is done beside it where nothing else would
notice (then the line says what the plain way costs on top). All else is as in `throughput`.
"""

from __future__ import annotations

import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any, Final
from unittest import mock

from taskqueue_edu import TaskQueue, TaskStatus, WorkerPool, facts
from taskqueue_edu.record import Ids, TaskRecord
from tests.benchmarks import throughput
from tests.benchmarks.harness import Sample, Session
from tests.benchmarks.report import MICROSECONDS, Report

TASKS = 50_000


def _rush(_: threading.Lock) -> None:
    """Sleep on the lock at once."""


@contextmanager
def _no_giving_way() -> Iterator[None]:
    assert TaskQueue is not None
    assert WorkerPool is not None  # the modules that these need are loaded now
    with ExitStack() as stack:
        for name, module in sorted(sys.modules.items()):
            if name.startswith("taskqueue_edu.") and hasattr(module, "give_way"):
                stack.enter_context(mock.patch.object(module, "give_way", _rush))
        yield


@contextmanager
def _an_event_each() -> Iterator[None]:
    events: dict[int, threading.Event] = {}
    make = TaskRecord.__init__

    def init(record: TaskRecord, *args: Any) -> None:
        make(record, *args)
        events[id(record)] = threading.Event()

    with mock.patch.object(TaskRecord, "__init__", init):
        yield


def _uuid(_: Ids) -> str:
    return str(uuid.uuid4())


def _uuids() -> AbstractContextManager[object]:
    return mock.patch.object(Ids, "__call__", _uuid)


@contextmanager
def _dates() -> Iterator[None]:
    now = facts.now

    def dated() -> int:
        datetime.now(UTC).isoformat()
        return now()

    with mock.patch.object(facts, "now", dated):
        yield


@contextmanager
def _tuples() -> Iterator[None]:
    from taskqueue_edu.factlog import FactLog

    kept: deque[tuple[Any, ...]] = deque(maxlen=500_000)
    add = FactLog.add

    def with_tuple(log: FactLog, *fact: Any) -> None:
        add(log, *fact)
        kept.append(fact)

    with mock.patch.object(FactLog, "add", with_tuple):
        yield


def _hash(status: TaskStatus) -> int:
    return str.__hash__(status)  # Enum's own is such a call, too


def _hash_in_python() -> AbstractContextManager[object]:
    return mock.patch.object(TaskStatus, "__hash__", _hash)


STEPS: Final[dict[str, Callable[[], AbstractContextManager[object]]]] = {
    "give way at a taken lock; plain: sleep on it": _no_giving_way,
    "a lock made by who waits; plain: an Event for each task": _an_event_each,
    "ids counted; plain: uuid4": _uuids,
    "times in nanoseconds; plain: ISO dates": _dates,
    "facts flat in a list; plain: a tuple each": _tuples,
    "statuses hashed in C; plain: Enum's own hash": _hash_in_python,
}


def plain(step: str, tasks: int) -> Sample:
    """Return the seconds that a task takes with the plain way in place of one mechanism."""
    with STEPS[step]():
        return throughput.ours(tasks, 0, False)


def run(session: Session) -> Report:
    """Measure, and return the table."""
    tasks = session.size(TASKS, 100)
    here = "as it is"
    results = session.measure(
        "steps",
        {here: session.fresh(throughput.ours, tasks, 0, False)}
        | {step: session.fresh(plain, step, tasks) for step in STEPS},
    )
    report = Report("steps", f"{tasks:,} no-ops, cost of a task with and without each mechanism")
    for step in STEPS:
        report.compare(step, results, here, step, MICROSECONDS, shown="the plain way")
    return report
