"""Queues that let the schedule decide: each `put` and `get` is one step."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable
from typing import Any

from taskqueue_edu.lab.interleave.locks import Condition, Lock
from taskqueue_edu.lab.interleave.primitives import Primitive, deadline_after, would_block
from taskqueue_edu.lab.interleave.schedule import me, run
from taskqueue_edu.lab.interleave.untraced import untraced

_ShutDown: type[Exception] = getattr(queue, "ShutDown", RuntimeError)  # CPython 3.13 and later


class _Steps(Primitive):
    """How a queue waits, and what it has."""

    kind = "queue"

    @untraced
    def _step(
        self,
        verb: str,
        ready: Callable[[], bool],
        block: bool,
        timeout: float | None,
        *,
        writes: bool = True,
    ) -> None:
        strand = me()
        if strand is None:
            if block and timeout is None and not ready():
                raise would_block(self)
            return
        current = run()
        if timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        current.sync(
            strand,
            verb if block else f"try to {verb}",
            self,
            ready if block else None,
            deadline_after(current, timeout) if block else None,
            writes=writes,
        )


class Queue(_Steps, queue.Queue[Any]):
    """`queue.Queue`.

    Its conditions are there for code under test that waits for them: its own methods do without.
    """

    not_empty: Condition  # type: ignore[assignment]
    not_full: Condition  # type: ignore[assignment]
    all_tasks_done: Condition  # type: ignore[assignment]

    def __init__(self, maxsize: int = 0) -> None:
        _Steps.__init__(self)
        self.maxsize = maxsize
        mutex = Lock(self)
        self.mutex = mutex  # type: ignore[assignment]
        self.not_empty = Condition(mutex, "not_empty")
        self.not_full = Condition(mutex, "not_full")
        self.all_tasks_done = Condition(mutex, "all_tasks_done")
        self.unfinished_tasks = 0
        self.is_shutdown = False
        self._init(maxsize)

    @property
    def state(self) -> str:
        return f"{self._qsize()} in it"

    def _room(self) -> bool:
        return self._free() and (
            self.is_shutdown or self.maxsize <= 0 or self._qsize() < self.maxsize
        )

    def _some(self) -> bool:
        return self._free() and (self.is_shutdown or self._qsize() > 0)

    def _all_done(self) -> bool:
        return self._free() and self.unfinished_tasks == 0

    def _free(self) -> bool:
        owner = self.mutex.owner  # type: ignore[attr-defined]
        return owner is None or owner is me()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        self._step("put into", self._room, block, timeout)
        if self.is_shutdown:
            raise _ShutDown
        if not self._room():
            raise queue.Full
        self._alone(self._put, item)
        self.unfinished_tasks += 1
        self._alone(self.not_empty.notify_who_waits)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        self._step("get from", self._some, block, timeout)
        if not self._qsize():
            if self.is_shutdown:
                raise _ShutDown
            raise queue.Empty
        item = self._alone(self._get)
        self._alone(self.not_full.notify_who_waits)
        return item

    def _alone(self, call: Callable[..., Any], *args: Any) -> Any:
        # A priority queue compares items, which may be code under test, with switch points.
        mutex: Any = self.mutex
        before, mutex.owner = mutex.owner, me()
        try:
            return call(*args)
        finally:
            mutex.owner = before

    def put_nowait(self, item: Any) -> None:
        self.put(item, block=False)

    def get_nowait(self) -> Any:
        return self.get(block=False)

    def qsize(self) -> int:
        self._step("look at", self._free, True, None, writes=False)
        return self._qsize()

    def empty(self) -> bool:
        return not self.qsize()

    def full(self) -> bool:
        return 0 < self.maxsize <= self.qsize()

    def task_done(self) -> None:
        self._step("report to", self._free, True, None)
        if self.unfinished_tasks <= 0:
            raise ValueError("task_done() called too many times")
        self.unfinished_tasks -= 1
        if not self.unfinished_tasks:
            self._alone(self.all_tasks_done.notify_who_waits, len(self.all_tasks_done._waiters))

    def join(self) -> None:
        self._step("join", self._all_done, True, None, writes=False)

    def shutdown(self, immediate: bool = False) -> None:
        self._step("shut down", self._free, True, None)
        self.is_shutdown = True
        while immediate and self._qsize():
            self._get()
            self.unfinished_tasks = max(self.unfinished_tasks - 1, 0)
        for condition in (self.not_empty, self.not_full):
            self._alone(condition.notify_who_waits, len(condition._waiters))
        if not self.unfinished_tasks:
            self._alone(self.all_tasks_done.notify_who_waits, len(self.all_tasks_done._waiters))


class LifoQueue(Queue, queue.LifoQueue[Any]):
    """`queue.LifoQueue`."""


class PriorityQueue(Queue, queue.PriorityQueue[Any]):
    """`queue.PriorityQueue`."""


class SimpleQueue(_Steps):
    """`queue.SimpleQueue`."""

    def __init__(self) -> None:
        super().__init__()
        self._items: deque[Any] = deque()

    @property
    def state(self) -> str:
        return f"{len(self._items)} in it"

    def _free(self) -> bool:
        return True

    def _some(self) -> bool:
        return bool(self._items)

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        del block, timeout
        self._step("put into", self._free, True, None)
        self._items.append(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        self._step("get from", self._some, block, timeout)
        if not self._items:
            raise queue.Empty
        return self._items.popleft()

    def put_nowait(self, item: Any) -> None:
        self.put(item)

    def get_nowait(self) -> Any:
        return self.get(block=False)

    def qsize(self) -> int:
        self._step("look at", self._free, True, None, writes=False)
        return len(self._items)

    def empty(self) -> bool:
        return not self.qsize()
