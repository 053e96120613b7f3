"""The level "interval": a thread syncs now and then, and its failure is everybody's."""

from __future__ import annotations

import errno
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from durability.jobs import FAR, LIMIT, Echo, run_one
from durability.tally import tried
from taskqueue_edu import JsonStore, TaskQueue, files
from taskqueue_edu.errors import StorageError
from taskqueue_edu.journal import store as store_module


class Clock:
    """Stands in for the event on which the store's thread sleeps: time passes when a test says."""

    def __init__(self) -> None:
        self.slept: list[float | None] = []
        self.asleep = threading.Semaphore(0)
        self._ring = threading.Semaphore(0)
        self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        if not self._set:
            self.slept.append(timeout)
            self.asleep.release()
            assert self._ring.acquire(timeout=LIMIT)
        return self._set

    def set(self) -> None:
        self._set = True
        self._ring.release()

    def tick(self) -> None:
        """Let the interval pass; return when the thread sleeps again."""
        self._ring.release()
        assert self.asleep.acquire(timeout=LIMIT)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    names = {name: getattr(threading, name) for name in ("Lock", "RLock", "Condition", "Thread")}
    stand_in = SimpleNamespace(
        **names, current_thread=threading.current_thread, Event=lambda: found
    )
    monkeypatch.setattr(store_module, "threading", stand_in)
    return found


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the files that were synced."""
    found: list[int] = []
    sync_data = files.sync_data

    def sync(descriptor: int) -> None:
        sync_data(descriptor)
        found.append(Path(f"/proc/self/fd/{descriptor}").stat().st_size)

    monkeypatch.setattr(files, "sync_data", sync)
    return found


def test_what_was_written_is_synced_after_the_interval(
    folder: Path, clock: Clock, synced: list[int]
) -> None:
    """Nothing waits for the disk; all that was written is on it after one interval."""
    with TaskQueue.open(folder, sync="interval", interval=2.5) as queue:
        assert clock.asleep.acquire(timeout=LIMIT)
        synced.clear()
        for count in (1, 3):
            for n in range(count):
                queue.submit(Echo(n))
                run_one(queue)
            assert synced == []
            clock.tick()
            assert synced == [(folder / "journal.jsonl").stat().st_size]
            synced.clear()
        clock.tick()
        assert synced == []  # there was nothing new
    assert set(clock.slept) == {2.5}
    tried("intervals", 3)


def test_what_came_last_is_synced_at_the_end(folder: Path, clock: Clock, synced: list[int]) -> None:
    """Closing the queue does not wait for the interval, and syncs what is left."""
    queue = TaskQueue.open(folder, sync="interval", interval=1e6)
    queue.submit(Echo(1))
    synced.clear()
    queue.close()
    assert synced == [(folder / "journal.jsonl").stat().st_size]


@pytest.mark.parametrize("level", ["process", "interval"])
def test_a_queue_syncs_when_it_is_closed(folder: Path, synced: list[int], level: str) -> None:
    """At every level a queue that was closed is on the disk."""
    queue = TaskQueue.open(folder, sync=level)
    queue.submit(Echo(1))
    synced.clear()
    queue.close()
    assert synced == [(folder / "journal.jsonl").stat().st_size]


def test_a_failed_sync_in_between_ends_it(
    folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the thread's sync fails it is not tried again, nothing more is taken, waiters are told."""
    calls: list[int] = []

    def fail(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(errno.EIO, "Input/output error")

    queue = TaskQueue.open(folder, sync="interval")
    assert clock.asleep.acquire(timeout=LIMIT)
    waits = queue.submit(Echo(1), delay=FAR)
    done = queue.submit(Echo(2))
    run_one(queue)
    future = queue.future(waits)
    monkeypatch.setattr(files, "sync_data", fail)
    clock.tick()
    clock.tick()
    assert len(calls) == 1
    try:
        for _ in range(2):
            with pytest.raises(StorageError, match="Input/output error") as caught:
                queue.submit(Echo(3))
            assert caught.value.hint
        assert isinstance(future.exception(LIMIT), StorageError)
        assert queue.wait_for_result(done, 0) == 2  # promised before, at this level
        with pytest.raises(StorageError):
            queue.sync()
    finally:
        queue.close()
    assert len(calls) == 1
    monkeypatch.undo()
    with TaskQueue.open(folder) as queue:
        assert queue.wait_for_result(done, 0) == 2
        assert len(queue.registry.records()) == 2


def test_waiters_are_told_without_another_write(
    folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for a task is told as the thread's sync fails, not with the next write."""

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    queue = TaskQueue.open(folder, sync="interval")
    assert clock.asleep.acquire(timeout=LIMIT)
    future = queue.future(queue.submit(Echo(1), delay=FAR))
    monkeypatch.setattr(files, "sync_data", fail)
    clock.tick()
    try:
        assert isinstance(future.exception(5.0), StorageError)
    finally:
        queue.close()


def test_an_interval_passes_by_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a stand-in for the clock the thread syncs, too."""
    done = threading.Event()
    store = JsonStore(folder, sync="interval", interval=0.001)
    store.load()
    sync_data = files.sync_data

    def sync(descriptor: int) -> None:
        sync_data(descriptor)
        done.set()

    monkeypatch.setattr(files, "sync_data", sync)
    from taskqueue_edu import facts

    store.append((facts.STARTED, "a-1", 1_000, "w", 1))
    assert done.wait(LIMIT)
    store.close()
