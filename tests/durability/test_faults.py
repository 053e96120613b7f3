"""A disk that fails, a process that ends, a machine that goes off: at every single call."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest

from durability.faults import Killed, Layer
from durability.jobs import FAR, LIMIT, Echo, everything, quarantined, run_one
from durability.session import Session
from durability.tally import tried
from durability.test_torn import life
from taskqueue_edu import JsonStore, TaskQueue, files
from taskqueue_edu.errors import StorageError

Sync = Literal["process", "always"]
ERRORS = ("eio", "enospc", "short")
KILLS = ("kill", "kill-half", "kill-after")
POWER = ("power", "power-after")


def whole_session(layer: Layer, folder: Path, frozen: Path, fault: str, at: int, sync: Sync) -> Any:
    """Go through a session with one fault, and return it; `frozen` is there if it was killed."""
    session = Session(layer)
    layer.watch(folder, frozen, fault, at)
    try:
        session.open(folder, sync=sync)
        session.work()
        if sync == "always" and fault in ERRORS:
            layer.power_cut(frozen)  # whatever failed: what was told is on the disk
        session.close()
    except Killed:
        pass
    finally:
        layer.rest()
        # The process is gone, and the folder with it: this only stops its threads.
        if session.queue is not None:
            with suppress(StorageError):
                session.queue.close()
        session.join_blocked()
    return session


@pytest.mark.parametrize("sync", ["process", "always"])
@pytest.mark.parametrize("fault", [*ERRORS, *KILLS, *POWER])
def test_a_fault_at_every_call(
    layer: Layer, folder: Path, tmp_path: Path, fault: str, sync: Sync
) -> None:
    """Nothing that was acknowledged is lost, nothing is acknowledged once a write has failed."""
    if fault in POWER and sync == "process":
        pytest.skip('sync="process" does not promise to survive a power cut')
    frozen = tmp_path / "frozen"
    at, hit = 0, True
    while hit:
        at += 1
        session = whole_session(layer, folder, frozen, fault, at, sync)
        hit = bool(layer.hit)
        if hit:
            tried(f"faults at a call ({fault}, {sync})")
        if not hit:
            assert not session.errors
        elif fault in ERRORS:
            assert session.errors
        if fault in ERRORS:
            session.check(folder)
        if frozen.exists():
            session.check(frozen)
            shutil.rmtree(frozen)
        shutil.rmtree(folder)
    assert at > 30


@pytest.mark.parametrize("state", ["torn", "damaged", "old"])
@pytest.mark.parametrize("fault", [*ERRORS, *KILLS, *POWER])
def test_a_fault_while_a_journal_is_repaired(
    layer: Layer, folder: Path, tmp_path: Path, fault: str, state: str
) -> None:
    """Whatever ends a repair, the next one finds all that this one would have found."""
    if state == "old":
        golden = Path(__file__).parents[1] / "core" / "data" / "journal-v1.jsonl"
        data, bad = golden.read_bytes(), b""
    else:
        data = life(tmp_path / "first", compacted=False)
        good = data
        data = data[:-9] if state == "torn" else data.replace(b'"value":2', b'"value":5', 1)
        bad = data[data.rfind(b"\n") + 1 :]
        if state == "damaged":
            (bad,) = set(data.split(b"\n")) - set(good.split(b"\n"))
    folder.mkdir()
    (folder / "journal.jsonl").write_bytes(data)
    with TaskQueue.open(folder) as queue:
        expected = everything(queue)
    shutil.rmtree(folder)
    frozen = tmp_path / "frozen"
    at, hit = 0, True
    while hit:
        at += 1
        folder.mkdir()
        (folder / "journal.jsonl").write_bytes(data)
        session = Session(layer)
        layer.watch(folder, frozen, fault, at)
        with suppress(Killed):
            session.open(folder, sync="always")
        layer.rest()
        session.close()
        hit = bool(layer.hit)
        assert bool(session.errors) == (hit and fault in ERRORS)
        assert not layer.retried
        left = frozen if frozen.exists() else folder
        for _ in range(2):
            with TaskQueue.open(left) as queue:
                assert everything(queue) == expected
        with TaskQueue.open(left) as queue:
            assert queue.recovery is not None
            assert not queue.recovery.damaged
        if state == "damaged":
            pieces = [piece for piece in quarantined(left) if piece["offset"] >= 0]
            assert [piece["data"].encode() for piece in pieces] == [bad]
        elif state == "torn":
            kept = b"".join(path.read_bytes() for path in left.glob("torn-*.bin"))
            assert kept.replace(bad, b"") in (b"", bad[: len(bad) // 2])
            # A power cut may take the torn bytes with it: nobody was told of them.
            assert bad in kept or fault in POWER
        shutil.rmtree(frozen, ignore_errors=True)
        shutil.rmtree(folder)
        if hit:
            tried(f"faults while a journal is repaired ({fault})")
    assert at > 3


# -- a failed sync


def fail(number: int) -> Any:
    def call(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    return call


def test_who_waits_behind_a_failed_sync(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All who wait for the sync that fails get the error, and none of them tries another."""
    queue = TaskQueue.open(folder, sync="always")
    begun, go_on = threading.Event(), threading.Event()
    calls: list[int] = []

    def sync_data(descriptor: int) -> None:
        calls.append(descriptor)
        begun.set()
        assert go_on.wait(LIMIT)
        raise OSError(errno.EIO, "Input/output error")

    outcome: list[object] = []

    def submit() -> None:
        try:
            outcome.append(queue.submit(Echo(1)))
        except StorageError as error:
            outcome.append(error)

    monkeypatch.setattr(files, "sync_data", sync_data)
    threads = [threading.Thread(target=submit) for _ in range(6)]
    threads[0].start()
    assert begun.wait(LIMIT)
    for thread in threads[1:]:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join(LIMIT)
    queue.close()
    assert len(calls) == 1
    assert len(outcome) == 6
    assert all(isinstance(one, StorageError) and one.hint for one in outcome)


@pytest.mark.parametrize("call", ["sync", "compact"])
def test_a_failure_that_no_submit_met_is_told_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """If queue.sync() or a compaction breaks the journal, whoever waits for a task is told."""
    queue = TaskQueue.open(folder)
    task_id = queue.submit(Echo(1), delay=FAR)
    future = queue.future(task_id)
    name = "sync_data" if call == "sync" else "sync_folder"
    monkeypatch.setattr(files, name, fail(errno.EIO))
    with pytest.raises(StorageError):
        getattr(queue, call)()
    monkeypatch.undo()
    try:
        assert isinstance(future.exception(timeout=5.0), StorageError)
        with pytest.raises(StorageError):
            queue.submit(Echo(2))
    finally:
        queue.close()
    with TaskQueue.open(folder) as queue:
        assert [record.id for record in queue.registry.records()] == [task_id]


@pytest.mark.parametrize("after", [False, True])
def test_ctrl_c_as_a_new_journal_takes_the_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """Ctrl-C in the middle of a compaction costs nothing that is acknowledged, then or later."""
    queue = TaskQueue.open(folder)
    told = queue.submit_many([Echo(n) for n in range(3)])
    real = files.rename

    def rename(old: Path, new: Path) -> None:
        if after:
            real(old, new)
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        queue.compact()
    monkeypatch.undo()
    with suppress(StorageError):
        told.append(queue.submit(Echo(3)))
    queue.close()
    with TaskQueue.open(folder) as queue:
        assert [record.id for record in queue.registry.records()] == told


# -- a folder that fails


def test_a_journal_that_is_left_over(folder: Path) -> None:
    """What a compaction left that was not completed is never taken for a part of the next."""
    with TaskQueue.open(folder) as queue:
        ids = queue.submit_many([Echo(n) for n in range(3)])
        (folder / "journal.new").write_bytes(b"left over\n" * 20)
        queue.compact()
        ids.append(queue.submit(Echo(3)))
    with TaskQueue.open(folder) as queue:
        assert [record.id for record in queue.registry.records()] == ids
        assert queue.recovery is not None
        assert not queue.recovery.damaged


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to a read-only folder")
def test_a_read_only_folder(folder: Path) -> None:
    """A folder that may not be written to is an error with what to do, and stays as it is."""
    TaskQueue.open(folder).close()
    (folder / "journal.jsonl").chmod(0o400)
    folder.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="Permission denied") as caught:
            TaskQueue.open(folder)
        assert caught.value.hint
    finally:
        folder.chmod(0o700)


def test_a_file_system_that_became_read_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the file system refuses to be written to, that is told, and what was there is read."""
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(Echo(1))
        run_one(queue)
        for name in ("write_all", "truncate", "rename", "sync_data", "sync_folder"):
            monkeypatch.setattr(files, name, fail(errno.EROFS))
        with pytest.raises(StorageError, match="Read-only file system") as caught:
            queue.submit(Echo(2))
        assert caught.value.errno == errno.EROFS
        assert caught.value.hint
        assert queue.wait_for_result(task_id, 0) == 1
        monkeypatch.undo()
    with TaskQueue.open(folder) as queue:
        assert queue.wait_for_result(task_id, 0) == 1


def test_a_folder_that_vanishes(folder: Path, tmp_path: Path) -> None:
    """If the folder is moved away, compaction says so, and no task that was told is lost in it."""
    queue = TaskQueue.open(folder)
    told = [queue.submit(Echo(1))]
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(StorageError) as caught:
        queue.compact()
    assert caught.value.hint
    with suppress(StorageError):  # the file is still there, under another name
        told.append(queue.submit(Echo(2)))
    with suppress(StorageError):
        queue.close()
    with TaskQueue.open(tmp_path / "elsewhere") as queue:
        assert [record.id for record in queue.registry.records()] == told


def test_a_folder_that_is_gone_before_it_is_read(folder: Path) -> None:
    """A journal that is gone between opening it and reading it is a StorageError."""
    store = JsonStore(folder)
    (folder / "journal.jsonl").unlink()
    with pytest.raises(StorageError) as caught:
        store.load()
    assert caught.value.hint
    store.close()
