"""A disk that is really full, and a file that may not grow."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from durability.jobs import Echo, Pad, everything, run_one
from durability.tally import tried
from taskqueue_edu import TaskQueue
from taskqueue_edu.errors import StorageError
from taskqueue_edu.journal import read_facts


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip(f"a file system may not be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("sync", ["process", "always"])
@pytest.mark.parametrize("size", [1, 50, 900, 3_000])
def test_a_full_disk(small_disk: Path, sync: str, size: int) -> None:
    """Once the disk is full nothing is acknowledged; what was is there, and goes on with space."""
    folder, filler = small_disk / "jobs", small_disk / "filler"
    filler.write_bytes(bytes(24 * 1024))
    queue = TaskQueue.open(folder, sync=sync, compact_at=None)
    told: list[str] = []

    def submit() -> None:
        while True:
            told.append(queue.submit(Pad("x" * size)))

    with pytest.raises(StorageError) as caught:
        submit()
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.hint
    for _ in range(2):
        with pytest.raises(StorageError):
            queue.submit(Echo(1))
    with pytest.raises(StorageError):
        queue.wait_for_result(told[0], 0)
    with pytest.raises(StorageError):
        queue.compact()
    queue.close()
    assert len(told) > 5
    # The torn end finds no place aside on a full disk: then the journal stays as it is.
    for _ in range(2):
        with pytest.raises(StorageError) as caught:
            TaskQueue.open(folder)
        assert caught.value.errno == errno.ENOSPC
    filler.unlink()
    with TaskQueue.open(folder) as queue:
        assert [record.id for record in queue.registry.records()] == told
        assert run_one(queue) == told[0]
        before = everything(queue)
    with TaskQueue.open(folder) as queue:
        assert everything(queue) == before
        assert queue.recovery is not None
        assert not queue.recovery.damaged
    tried("real disks filled up")


@pytest.mark.slow
def test_a_read_only_file_system(small_disk: Path) -> None:
    """A folder that can't be written to is an error with what to do, and is the same after it."""
    folder = small_disk / "jobs"
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(Echo(1))
        run_one(queue)
    data = (folder / "journal.jsonl").read_bytes()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for target in (folder, small_disk / "new"):
        with pytest.raises(StorageError, match="Read-only file system") as caught:
            TaskQueue.open(target)
        assert caught.value.errno == errno.EROFS
        assert caught.value.hint
    assert [fact[1] for fact in read_facts(folder)] == [task_id] * 3
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert (folder / "journal.jsonl").read_bytes() == data
    with TaskQueue.open(folder) as queue:
        assert queue.wait_for_result(task_id, 0) == 1
    tried("real disks that are read-only")


@pytest.mark.slow
def test_a_disk_too_full_to_compact(small_disk: Path) -> None:
    """A compaction that finds no room leaves the old journal at work, and no rubbish."""
    folder, filler = small_disk / "jobs", small_disk / "filler"
    with TaskQueue.open(folder, compact_at=None) as queue:
        told = queue.submit_many([Pad("x" * 200) for n in range(50)])
        size = (folder / "journal.jsonl").stat().st_size
        filler.write_bytes(bytes(64 * 1024 - size - 12 * 1024))
        with pytest.raises(StorageError) as caught:
            queue.compact()
        assert caught.value.errno == errno.ENOSPC
        assert not (folder / "journal.new").exists()
        told.append(queue.submit(Echo(1)))
        filler.unlink()
        queue.compact()
        told.append(queue.submit(Echo(2)))
    with TaskQueue.open(folder) as queue:
        assert [record.id for record in queue.registry.records()] == told
    tried("real disks filled up")


LIMITED = """
    import resource, signal, sys
    from durability.jobs import Echo
    from taskqueue_edu import TaskQueue
    from taskqueue_edu.errors import StorageError

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    queue = TaskQueue.open(sys.argv[1], sync=sys.argv[2], compact_at=None)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
    try:
        while True:
            print(queue.submit(Echo(1)), flush=True)
    except StorageError as error:
        print(error.errno, bool(error.hint), flush=True)
    try:
        queue.submit(Echo(2))
    except StorageError:
        print("still", flush=True)
    queue.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("sync", ["process", "always"])
@pytest.mark.parametrize("limit", [1_000, 1_013, 1_111, 9_999])
def test_a_file_that_may_not_grow(folder: Path, sync: str, limit: int) -> None:
    """At the system's limit of a file's size nothing is acknowledged, and what was is kept."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIMITED), str(folder), sync, str(limit)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    *told, error, still = done.stdout.splitlines()
    assert error == f"{errno.EFBIG} True"
    assert still == "still"
    assert told
    assert (folder / "journal.jsonl").stat().st_size == limit
    with TaskQueue.open(folder) as queue:
        assert [record.id for record in queue.registry.records()] == told
        assert queue.recovery is not None
        assert queue.recovery.torn is not None
    tried("files at their limit")
