"""What a type checker must accept in place of the package's own parts, and what it must not."""

from __future__ import annotations

import queue as standard
from collections.abc import Iterable
from typing import assert_type

from taskqueue_edu import JsonStore, MemoryStore, Monitor, PendingQueue, Storage, TaskQueue
from taskqueue_edu.facts import RawFact
from taskqueue_edu.pending import Pending


class OwnPending:
    """A pending queue without a base class: the shape is enough."""

    def put(self, item: str, priority: int = 0, due: float | None = None) -> None: ...

    def get(self) -> str:
        return ""

    def discard(self, item: str) -> bool:
        return False

    def close(self) -> None: ...


class OwnStore:
    """A store without a base class."""

    json = False

    def load(self) -> Iterable[RawFact]:
        return ()

    def append(self, fact: RawFact) -> int:
        return len(fact)

    def flush(self, position: int) -> None: ...

    def sync(self, position: int) -> None: ...

    def close(self) -> None: ...


class HalfAStore:
    """A store that can't sync."""

    json = False

    def load(self) -> Iterable[RawFact]:
        return ()

    def append(self, fact: RawFact) -> int:
        return len(fact)

    def close(self) -> None: ...


class OwnPool:
    """A pool without a base class."""

    workers = 3


def a_store() -> Storage:
    """The package's own store is one."""
    return JsonStore("jobs")


def a_pending() -> Pending[int]:
    """A pending queue knows what it holds."""
    pending = PendingQueue[int](lambda: 0.0)
    assert_type(pending.get(), int)
    return pending


def no_pending() -> Pending[str]:
    """A store is no pending queue."""
    return OwnStore()  # type: ignore[return-value]


def parts() -> None:
    """Parts of the right shape fit."""
    TaskQueue(pending=OwnPending(), store=OwnStore())
    TaskQueue(pending=PendingQueue(), store=MemoryStore())
    TaskQueue(store=JsonStore("jobs", sync="always"))
    TaskQueue().dispatcher.attach(OwnPool())


def misfits() -> None:
    """Parts that lack something, or hold something else, are rejected."""
    TaskQueue(store=HalfAStore())  # type: ignore[arg-type]
    TaskQueue(pending=PendingQueue[int]())  # type: ignore[arg-type]
    TaskQueue(pending=standard.Queue())  # type: ignore[arg-type]
    JsonStore("jobs", sync="never")  # type: ignore[arg-type]


def own_pool(queue: TaskQueue) -> None:
    """What a pool of one's own works with has its types too."""
    run = queue.dispatcher.claim("me")
    run.checkpoint()  # type: ignore[union-attr]
    if run is not None:
        assert_type(run.attempt, int)
        assert_type(queue.dispatcher.settle(run, "succeeded", 1), bool)


def monitoring(queue: TaskQueue) -> None:
    """A monitor's numbers are typed; a table is named by one of two words."""
    snapshot = Monitor(queue).snapshot()
    assert_type(snapshot.throughput, float)
    assert_type(snapshot.points[0].depth, int)
    Monitor(queue).to_frame("runs")  # type: ignore[arg-type]
    snapshot.depth = 3  # type: ignore[misc]
    assert_type(Monitor(queue.registry).overall()[0].p99, float)
