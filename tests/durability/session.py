"""A session with a queue that goes through all kinds of writes, and notes what was acknowledged."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from durability.faults import Layer
from durability.jobs import FAR, LIMIT, Echo, Fail, run_one
from taskqueue_edu.errors import QueueClosed, StorageError, TaskCancelled, TaskFailed
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.task import TaskStatus

T = TypeVar("T")


class Session:
    """Works with a queue while the layer fails, and collects what the caller was told."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.told: dict[str, tuple[Any, ...]] = {}
        """For each task that was acknowledged, the last that was."""
        self.tried = 0
        self.errors: list[StorageError] = []
        self.blocked: list[BaseException] = []
        self.poisoned = False
        self.broken_promises: list[str] = []
        self.queue: TaskQueue | None = None
        self._threads: list[threading.Thread] = []

    # -- what a caller does

    def change(self, call: Callable[[], T]) -> T | None:
        """Do what writes to the journal. Once that has failed it must fail for ever."""
        try:
            found = call()
        except StorageError as error:
            self.errors.append(error)
            self.poisoned = True
            return None
        if self.poisoned:
            self.broken_promises.append(f"{call} was acknowledged after a failed write")
        return found

    def submit(self, task: Any, **options: Any) -> str:
        assert self.queue is not None
        queue = self.queue
        self.tried += 1
        task_id = self.change(lambda: queue.submit(task, **options))
        if task_id is not None:
            self.told[task_id] = ("there",)
        return task_id or ""

    def run(self, *expected: str) -> None:
        """Run the next task and read its outcome."""
        assert self.queue is not None
        queue = self.queue
        if not all(expected) or self.poisoned:
            return
        task_id = self.change(lambda: run_one(queue))
        if task_id is None:
            return
        assert task_id in expected
        try:
            value = self.change(lambda: queue.wait_for_result(task_id, 0))
            if not self.poisoned:
                self.told[task_id] = ("value", value)
        except TaskFailed:
            self.told[task_id] = ("failed",)

    def cancel(self, task_id: str) -> None:
        assert self.queue is not None
        queue = self.queue
        if task_id and self.change(lambda: queue.cancel(task_id, "not needed")):
            self.told[task_id] = ("cancelled",)

    def revive(self, task_id: str) -> None:
        assert self.queue is not None
        queue = self.queue
        if self.told.get(task_id) == ("failed",):
            self.change(lambda: queue.revive(task_id))
            if not self.poisoned:
                self.told[task_id] = ("revived",)

    def compact(self) -> None:
        """A compaction that fails may leave the old journal at work."""
        assert self.queue is not None
        try:
            self.queue.compact()
        except StorageError as error:
            self.errors.append(error)

    def block(self, call: Callable[[], object]) -> None:
        """Let a thread wait for what will not come."""

        def wait() -> None:
            try:
                call()
            except BaseException as error:
                self.blocked.append(error)

        thread = threading.Thread(target=wait, name="blocked", daemon=True)
        thread.start()
        self._threads.append(thread)

    def open(self, folder: Path, **options: Any) -> None:
        try:
            self.queue = TaskQueue.open(folder, compact_at=None, **options)
        except StorageError as error:
            self.errors.append(error)

    def work(self) -> None:
        """All kinds of changes, with two compactions in between."""
        if self.queue is None:
            return
        queue = self.queue
        first = self.submit(Echo(1))
        bad = self.submit(Fail())
        waits = self.submit(Echo(2), delay=FAR)
        if waits:
            self.block(lambda: queue.wait_for_result(waits, LIMIT))
            self.block(lambda: queue.join(LIMIT))
        out = self.submit(Echo(3), priority=-1)
        self.run(first)
        self.run(bad)
        self.cancel(out)
        self.compact()
        self.revive(bad)
        self.run(bad)
        second = self.submit(Echo(4))
        self.compact()
        self.run(second)
        self.submit(Echo(5))
        if self.poisoned:
            for _ in range(2):
                self.submit(Echo(6))
            self.compact()
            # Who waits is told at once, not when the queue is closed.
            self.join_blocked()
            assert all(isinstance(error, StorageError) for error in self.blocked), self.blocked

    def join_blocked(self) -> None:
        for thread in self._threads:
            thread.join(LIMIT)
            assert not thread.is_alive(), "a caller is still blocked"

    def close(self) -> None:
        if self.queue is None:
            return
        try:
            self.queue.close()
        except StorageError as error:
            self.errors.append(error)
        self.join_blocked()
        assert all(isinstance(e, StorageError | QueueClosed) for e in self.blocked), self.blocked

    # -- what must hold

    def check(self, folder: Path) -> None:
        """Open what is left, as the next process does: all that was told must be so."""
        with TaskQueue.open(folder) as queue:
            for task_id, (what, *rest) in self.told.items():
                status = queue.status(task_id)
                if what == "value":
                    assert queue.wait_for_result(task_id, 0) == rest[0]
                elif what == "failed":
                    assert status in (TaskStatus.FAILED, TaskStatus.PENDING), status
                elif what == "revived":
                    assert status in (TaskStatus.PENDING, TaskStatus.FAILED), status
                elif what == "cancelled":
                    assert status is TaskStatus.CANCELLED
                    with pytest.raises(TaskCancelled, match="not needed"):
                        queue.wait_for_result(task_id, 0)
            assert len(self.told) <= len(queue.registry.records()) <= self.tried
            assert queue.registry.misfits == []
            assert not queue.recovery or not queue.recovery.quarantined
        with TaskQueue.open(folder) as queue:
            assert queue.recovery is not None
            assert not queue.recovery.damaged
        assert not self.broken_promises
        assert not self.layer.retried
        for error in self.errors + [e for e in self.blocked if isinstance(e, StorageError)]:
            assert error.hint
