"""The store that survives the process: what was acknowledged is there, whatever happens."""

from __future__ import annotations

import base64
import errno
import json
import os
import random
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from taskqueue_edu import JsonStore, TaskQueue, TaskStatus, facts, files
from taskqueue_edu.errors import (
    ConfigError,
    JournalDamaged,
    QueueClosed,
    StorageError,
    StoreLocked,
    TaskFailed,
)
from taskqueue_edu.executor import run_task
from taskqueue_edu.facts import RawFact, Submission
from taskqueue_edu.journal import read_facts
from taskqueue_edu.journal.lines import seal
from taskqueue_edu.workloads import MathTask

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the store needs flock")

Sync = Literal["process", "interval", "always"]
LIMIT = 20.0
"""Seconds after which a thread that should have ended counts as stuck."""


def submitted(number: int) -> RawFact:
    submission = Submission("math", None, b'{"operation":"sum","operands":[1]}')
    return facts.SUBMITTED, f"a-{number}", 1_000 * number, "math", submission


def write(store: JsonStore, number: int) -> int:
    """Let the store write a fact; return its position."""
    position = store.append(submitted(number))
    store.flush(position)
    return position


def ids(stored: Any) -> list[str]:
    return [fact[1] for fact in stored if fact[0] != facts.CARRIED]


def filled(folder: Path, count: int) -> Path:
    """Return a folder whose journal has `count` facts."""
    store = JsonStore(folder)
    store.load()
    for n in range(1, count + 1):
        write(store, n)
    store.close()
    return folder


def reopened(folder: Path) -> list[str]:
    """Return the ids of the facts that the next process finds."""
    store = JsonStore(folder)
    try:
        return ids(store.load())
    finally:
        store.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def run_one(queue: TaskQueue) -> None:
    run = queue.dispatcher.claim("me")
    assert run is not None
    queue.dispatcher.settle(run, *run_task(run))


class System:
    """Stands in for the `os` of files.py: a test may watch its calls, or make them fail."""

    def __init__(self) -> None:
        self.write: Callable[[int, Any], int] = os.write
        self.fdatasync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    found = System()
    monkeypatch.setattr(files, "os", found)
    return found


def fail(number: int) -> Callable[..., Any]:
    def call(*_: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


# -- what is kept


@pytest.mark.parametrize("sync", ["process", "interval", "always"])
def test_facts_are_there_for_the_next_process(folder: Path, sync: Sync) -> None:
    """What was appended is loaded by the next store, in order, and the numbers go on."""
    for start in (0, 3, 6):
        store = JsonStore(folder, sync=sync)
        assert ids(store.load()) == [f"a-{n}" for n in range(1, start + 1)]
        positions = [write(store, start + n) for n in (1, 2, 3)]
        assert positions == sorted(positions)
        assert positions[-1] == store.path.stat().st_size
        store.sync(positions[-1])
        store.close()
    assert ids(read_facts(folder)) == [f"a-{n}" for n in range(1, 10)]


def test_the_folder_is_made(tmp_path: Path) -> None:
    """The folder is made, with those above it."""
    folder = tmp_path / "a" / "b" / "jobs"
    JsonStore(folder).close()
    assert sorted(path.name for path in folder.iterdir()) == ["journal.jsonl", "lock"]


def test_a_relative_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder may be named relative to the current one, as text."""
    monkeypatch.chdir(tmp_path)
    with TaskQueue.open("jobs") as queue:
        queue.submit(MathTask("sum", (1,)))
    assert reopened(tmp_path / "jobs")


def test_an_unknown_sync_level(folder: Path) -> None:
    """A sync level that doesn't exist is refused before anything is made."""
    with pytest.raises(ConfigError, match=r"'never', expected one of process, int.*always"):
        JsonStore(folder, sync="never")  # type: ignore[arg-type]
    for interval in (0.0, -1.0, float("nan")):
        with pytest.raises(ConfigError, match="expected more than 0 seconds"):
            JsonStore(folder, sync="interval", interval=interval)
    assert not folder.exists()


def test_close(folder: Path) -> None:
    """A closed store takes nothing; closing it again is fine, and harms no other file."""
    store = JsonStore(folder)
    store.load()
    store.close()
    other = os.open(folder / "journal.jsonl", os.O_RDONLY)
    try:
        store.close()
        os.fstat(other)
    finally:
        os.close(other)
    with pytest.raises(StorageError, match="is closed"):
        write(store, 1)


# -- who may


def test_private(folder: Path) -> None:
    """The folder is for its owner only, and so is each file, also that of torn bytes."""
    before = os.umask(0o022)
    try:
        filled(folder, 1)
        with (folder / "journal.jsonl").open("ab") as file:
            file.write(b"{")
        assert reopened(folder) == ["a-1"]
    finally:
        os.umask(before)
    assert mode(folder) == 0o700
    names = {path.name: mode(path) for path in folder.iterdir()}
    assert len(names) == 3
    assert set(names.values()) == {0o600}


def test_symlinks_are_refused(tmp_path: Path, folder: Path) -> None:
    """A link in place of the folder or a file is refused: who made it chose what is written."""
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(StorageError, match="symbolic link") as caught:
        JsonStore(tmp_path / "link")
    assert "points to" in caught.value.hint
    assert list(target.iterdir()) == []
    for name in ("journal.jsonl", "lock"):
        folder.mkdir()
        (folder / name).symlink_to(target / "file")
        with pytest.raises(StorageError, match=name):
            JsonStore(folder)
        (folder / name).unlink()
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    assert list(target.iterdir()) == []


def test_a_symlink_for_torn_bytes_is_refused(tmp_path: Path, folder: Path) -> None:
    """Torn bytes are not written through a link either, and nothing is cut off then."""
    journal = filled(folder, 1) / "journal.jsonl"
    end = journal.stat().st_size
    with journal.open("ab") as file:
        file.write(b"torn")
    (folder / f"torn-{end}.bin").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match=r"torn-\d+\.bin"):
        TaskQueue.open(folder)
    assert not (tmp_path / "elsewhere").exists()
    assert journal.stat().st_size == end + 4


def test_things_that_are_no_folder_or_file(tmp_path: Path, folder: Path) -> None:
    """A file in place of the folder, a folder or a pipe in place of the journal: StorageError."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="can't use the folder"):
        JsonStore(tmp_path / "file")
    folder.mkdir()
    (folder / "journal.jsonl").mkdir()
    with pytest.raises(StorageError, match=r"journal\.jsonl"):
        JsonStore(folder)
    (folder / "journal.jsonl").rmdir()
    os.mkfifo(folder / "journal.jsonl")
    with pytest.raises(StorageError, match="not a regular file"):
        JsonStore(folder)


def test_locked_by_this_process(folder: Path) -> None:
    """Opening a folder twice in one process says so, and how to close the other; then it works."""
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(MathTask("sum", (1,)))
        with pytest.raises(StoreLocked, match="already open in this process") as caught:
            TaskQueue.open(folder)
        assert "queue.close()" in caught.value.hint
        assert "notebook" in caught.value.hint
    with TaskQueue.open(folder) as queue:
        assert queue.status(task_id) is TaskStatus.PENDING


HOLD = """
    import sys
    from taskqueue_edu import TaskQueue
    queue = TaskQueue.open(sys.argv[1])
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_locked_by_another_process(folder: Path) -> None:
    """A folder that another process owns names that process; its death sets the folder free."""
    with python(HOLD, folder) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(StoreLocked, match=f"by process {holder.pid} on ") as caught:
                JsonStore(folder)
            assert "one owner at a time" in caught.value.hint
            assert read_facts(folder) == []  # to read, nobody must own it
        finally:
            holder.kill()
    JsonStore(folder).close()


def test_a_folder_is_free_although_a_copy_of_the_lock_is_open(folder: Path) -> None:
    """A process that is forked just as the queue closes keeps nobody from opening it again."""
    store = JsonStore(folder)
    lock = str(folder / "lock")
    (number,) = (path.name for path in Path("/proc/self/fd").iterdir() if target(path) == lock)
    copy = os.dup(int(number))
    try:
        store.close()
        JsonStore(folder).close()
    finally:
        os.close(copy)


def target(path: Path) -> str:
    try:
        return str(path.readlink())
    except FileNotFoundError:  # the one that listed the folder
        return ""


def test_a_lock_file_that_says_nothing(folder: Path) -> None:
    """A lock whose holder has not written its name yet is a lock all the same."""
    with TaskQueue.open(folder):
        (folder / "lock").write_bytes(b"")
        with pytest.raises(StoreLocked, match="another process"):
            JsonStore(folder)


def python(source: str, *args: object) -> subprocess.Popen[str]:
    """Start Python with that source; use it in a `with` block."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(source), *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


# -- torn and damaged


@pytest.mark.slow
def test_cut_at_every_byte(folder: Path) -> None:
    """Wherever the last write was cut: the journal opens, goes on, and the rest is kept aside."""
    journal = filled(folder, 2) / "journal.jsonl"
    data = journal.read_bytes()
    ends = [n + 1 for n, byte in enumerate(data) if byte == ord("\n")]
    for length in range(len(data)):
        journal.write_bytes(data[:length])
        whole = [end for end in ends if end <= length]
        store = JsonStore(folder)
        assert ids(store.load()) == [f"a-{n}" for n in range(1, len(whole))]
        start = max(whole, default=0)
        if length == start:
            assert store.report.torn is None
            assert not store.report.damaged
        else:
            assert store.report.damaged
            assert store.report.torn == folder / f"torn-{start}.bin"
            assert store.report.torn_bytes == length - start
            assert store.report.torn.read_bytes() == data[start:length]
            store.report.torn.unlink()
        write(store, 9)
        store.close()
        assert ids(read_facts(folder)) == [*[f"a-{n}" for n in range(1, len(whole))], "a-9"]


def test_torn_twice_at_the_same_place(folder: Path) -> None:
    """Bytes that were torn before are not replaced by those that are torn later."""
    journal = filled(folder, 1) / "journal.jsonl"
    end = journal.stat().st_size
    for part in (b"first", b"second"):
        with journal.open("ab") as file:
            file.write(part)
        assert reopened(folder) == ["a-1"]
    assert (folder / f"torn-{end}.bin").read_bytes() == b"firstsecond"


def test_torn_bytes_are_safe_before_they_are_cut(system: System, folder: Path) -> None:
    """If the torn bytes can't be synced into their file, the journal keeps them."""
    journal = filled(folder, 1) / "journal.jsonl"
    with journal.open("ab") as file:
        file.write(b"torn")
    system.fdatasync = fail(errno.EIO)
    with pytest.raises(StorageError):
        TaskQueue.open(folder)
    assert journal.read_bytes().endswith(b"}\ntorn")


def test_damage_is_put_aside_once(folder: Path) -> None:
    """Damage in the middle goes to the quarantine with its place; the next opening finds none."""
    journal = filled(folder, 3) / "journal.jsonl"
    data = bytearray(journal.read_bytes())
    start = data.index(b'{"fact":"submitted","seq":2')
    data[start + 30] ^= 0x80
    line = bytes(data[start : data.index(b"\n", start)])
    journal.write_bytes(data)
    for opening in range(2):
        store = JsonStore(folder)
        assert ids(store.load())[-2:] == ["a-1", "a-3"]
        assert [offset for offset, _ in store.report.quarantined] == ([] if opening else [start])
        assert store.report.gaps == ([] if opening else [(2, 2)])
        store.close()
        (piece,) = map(json.loads, (folder / "quarantine.jsonl").read_text().splitlines())
        assert base64.b64decode(piece["base64"]) == line
        assert (piece["source"], piece["offset"]) == ("journal.jsonl", start)
    assert not list(folder.glob("torn-*"))
    assert not (folder / "journal.new").exists()


def test_what_no_disk_did_is_refused_and_nothing_changes(folder: Path) -> None:
    """A line with a right checksum that makes no sense is left alone, unless asked to repair."""
    journal = filled(folder, 2) / "journal.jsonl"
    data = journal.read_bytes()
    line = seal(b'{"fact":"vanished","seq":3,"at":1,"id":"a-1"}')
    journal.write_bytes(data + line)
    for _ in range(2):
        with pytest.raises(JournalDamaged, match=rf"journal\.jsonl, byte {len(data)}: ") as caught:
            TaskQueue.open(folder)
        assert "nothing was changed" in caught.value.hint
    assert journal.read_bytes() == data + line
    assert sorted(path.name for path in folder.iterdir()) == ["journal.jsonl", "lock"]
    store = JsonStore(folder)
    assert ids(store.load(repair=True)) == ["a-1", "a-2"]
    store.close()
    assert "vanished" in (folder / "quarantine.jsonl").read_text()
    assert reopened(folder) == ["a-1", "a-2"]


@pytest.mark.parametrize("version", [1, 2])
def test_a_journal_of_any_version_is_opened(folder: Path, version: int) -> None:
    """A journal of an older version is rewritten once in this one, and goes on from there."""
    folder.mkdir()
    golden = Path(__file__).parent / "data" / f"journal-v{version}.jsonl"
    journal = folder / "journal.jsonl"
    journal.write_bytes(golden.read_bytes())
    for _ in range(2):
        with TaskQueue.open(folder) as queue:
            found = {r.id[-1]: r for r in queue.registry.records()}
            assert {n: str(r.status) for n, r in found.items()} == {"1": "succeeded", "2": "dead"}
            assert (found["1"].value, found["2"].reason) == (b'{"sum":15}', "too often")
            assert queue.registry.totals()[facts.SUBMITTED] == 2
    assert b'"version":2' in journal.read_bytes().splitlines()[0]


@pytest.mark.parametrize(
    "content", [b"hello\n", b'{"journal":"taskqueue_edu","version":3,"seq":0,"at":1}']
)
def test_foreign_and_newer_files_stay_as_they_are(folder: Path, content: bytes) -> None:
    """A file of another program, or of a newer one, is refused and not touched."""
    content = content if content.endswith(b"\n") else seal(content)
    folder.mkdir()
    journal = folder / "journal.jsonl"
    journal.write_bytes(content)
    with pytest.raises(StorageError, match=r"journal\.jsonl"):
        TaskQueue.open(folder)
    assert journal.read_bytes() == content
    assert not list(folder.glob("torn-*"))


# -- a disk that fails


def test_short_writes(system: System, folder: Path) -> None:
    """A system that takes three bytes at a time gets the whole line in the end."""
    system.write = lambda descriptor, data: os.write(descriptor, bytes(data)[:3])
    filled(folder, 3)
    assert reopened(folder) == ["a-1", "a-2", "a-3"]


def test_a_write_that_takes_nothing(system: System, folder: Path) -> None:
    """A write of no bytes is an error, not a loop without end."""
    store = JsonStore(folder)
    store.load()
    system.write = lambda descriptor, data: 0
    with pytest.raises(StorageError, match="takes no more bytes"):
        write(store, 1)
    store.close()


@pytest.mark.parametrize("taken", [0, 1, 50])
def test_a_full_disk(system: System, folder: Path, taken: int) -> None:
    """Once a write failed the store takes nothing more, and what it had is still there."""
    store = JsonStore(folder)
    store.load()
    write(store, 1)
    parts = iter([taken] if taken else [])

    def fill(descriptor: int, data: Any) -> int:
        for part in parts:
            return os.write(descriptor, bytes(data)[:part])
        raise OSError(errno.ENOSPC, "No space left on device")

    system.write = fill
    with pytest.raises(StorageError, match=r"can't write to .*: No space left") as caught:
        write(store, 2)
    assert caught.value.errno == errno.ENOSPC
    assert isinstance(caught.value.__cause__, OSError)
    system.write = os.write
    with pytest.raises(StorageError, match="No space left"):
        write(store, 3)
    store.close()
    assert reopened(folder) == ["a-1"]
    assert bool(list(folder.glob("torn-*"))) == bool(taken)


def test_a_full_disk_and_the_queue(system: System, folder: Path) -> None:
    """A queue whose disk is full says so to every caller, but finished results stay readable."""
    with TaskQueue.open(folder) as queue:
        done, waits = queue.submit_many([MathTask("sum", (1, 2)), MathTask("sum", (3,))])
        run_one(queue)
        assert queue.wait_for_result(done) == 3
        system.write = fail(errno.ENOSPC)
        for _ in range(2):
            with pytest.raises(StorageError):
                queue.submit(MathTask("sum", (4,)))
        with pytest.raises(StorageError):
            queue.wait_for_result(waits, timeout=LIMIT)
        assert queue.wait_for_result(done) == 3
        assert queue.dispatcher.claim("me", lambda: queue.registry.over is not None) is None
        system.write = os.write
    with TaskQueue.open(folder) as queue:
        assert queue.wait_for_result(done) == 3
        assert queue.status(waits) is TaskStatus.PENDING
        assert len(queue.registry.records()) == 2


def test_a_failed_sync_is_never_tried_again(system: System, folder: Path) -> None:
    """After a sync failed no other is tried, and only what was on the disk before counts."""
    store = JsonStore(folder, sync="always")
    store.load()
    safe = write(store, 1)
    store.sync(safe)
    calls = []

    def fdatasync(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(errno.EIO, "Input/output error")

    system.fdatasync = fdatasync
    position = write(store, 2)
    for _ in range(3):
        with pytest.raises(StorageError, match=r"can't sync .*: Input/output error"):
            store.sync(position)
    with pytest.raises(StorageError):
        write(store, 3)
    store.sync(safe)
    store.close()
    assert len(calls) == 1


def test_a_failed_sync_acknowledges_nothing(system: System, folder: Path) -> None:
    """If the sync of a submission fails, submit raises, and so does whoever waits."""
    with TaskQueue.open(folder, sync="always") as queue:
        done = queue.submit(MathTask("sum", (1,)))
        run_one(queue)
        waits = queue.submit(MathTask("sum", (2,)))
        future = queue.future(waits)
        system.fdatasync = fail(errno.EIO)
        for _ in range(2):
            with pytest.raises(StorageError):
                queue.submit(MathTask("sum", (3,)))
        assert isinstance(future.exception(timeout=LIMIT), StorageError)
        assert queue.wait_for_result(done) == 1


def test_a_failed_load_leaves_nothing_locked(system: System, folder: Path) -> None:
    """A queue that can't be opened gives its folder and its files up."""
    system.fdatasync = fail(errno.EIO)
    with pytest.raises(StorageError):
        TaskQueue.open(folder)
    system.fdatasync = os.fdatasync
    TaskQueue.open(folder).close()


def test_interrupted_in_a_write(system: System, folder: Path) -> None:
    """Ctrl-C in the middle of a write, or just after it, leaves the line to the next write."""
    store = JsonStore(folder)
    store.load()
    write(store, 1)

    def interrupted(part: int) -> Callable[[int, Any], int]:
        def write(descriptor: int, data: Any) -> int:
            os.write(descriptor, bytes(data)[:part])
            raise KeyboardInterrupt

        return write

    for part in (0, 10, 1_000):
        system.write = interrupted(part)
        with pytest.raises(KeyboardInterrupt):
            write(store, 2)
        system.write = os.write
        write(store, 3 + part)
    store.close()
    assert reopened(folder) == ["a-1", "a-2", "a-3", "a-2", "a-13", "a-2", "a-1003"]


# -- what is synced, and when


def test_always_syncs_before_it_returns(system: System, folder: Path) -> None:
    """With sync="always" submit returns after the sync that covers its write, and so a result."""
    events: list[str] = []

    def write(descriptor: int, data: Any) -> int:
        kind = bytes(data).split(b'"', 4)[3].decode()
        events.append(kind)
        return os.write(descriptor, data)

    def fdatasync(descriptor: int) -> None:
        os.fsync(descriptor)
        events.append("sync")

    with TaskQueue.open(folder, sync="always") as queue:
        system.write, system.fdatasync = write, fdatasync
        task_id = queue.submit(MathTask("sum", (1, 2)))
        events.append("returned")
        run_one(queue)
        assert queue.wait_for_result(task_id) == 3
        events.append("result")
    assert events[:3] == ["submitted", "sync", "returned"]
    # A start waits for no sync: one that is lost is a task that was never started.
    assert events[3:] == ["started", "succeeded", "sync", "result"]


def test_process_never_waits_for_the_disk(system: System, folder: Path) -> None:
    """With sync="process" nothing is synced once the queue is open."""
    with TaskQueue.open(folder) as queue:
        synced: list[int] = []
        system.fdatasync = synced.append
        task_id = queue.submit(MathTask("sum", (1, 2)))
        run_one(queue)
        assert queue.wait_for_result(task_id) == 3
        assert synced == []


def test_one_sync_serves_all_who_wait(system: System, folder: Path) -> None:
    """Group commit: what was written before a sync began needs no sync of its own."""
    store = JsonStore(folder, sync="always")
    store.load()
    positions = [write(store, n) for n in range(1, 9)]
    begun, go_on = threading.Event(), threading.Event()
    calls = []

    def fdatasync(descriptor: int) -> None:
        calls.append(descriptor)
        begun.set()
        assert go_on.wait(LIMIT)

    system.fdatasync = fdatasync
    threads = [threading.Thread(target=store.sync, args=(p,)) for p in positions]
    threads[0].start()
    assert begun.wait(LIMIT)
    for thread in threads[1:]:
        thread.start()
    late = write(store, 9)  # this one is not covered by the sync under way
    go_on.set()
    for thread in threads:
        thread.join(LIMIT)
    assert len(calls) == 1
    store.sync(late)
    assert len(calls) == 2
    store.close()


def test_every_acknowledgment_follows_its_sync(system: System, folder: Path) -> None:
    """Whatever threads submit at once, each id is given out after a sync that covers its line."""
    lock = threading.Lock()
    written: dict[str, int] = {}
    length = synced = 0

    def write(descriptor: int, data: Any) -> int:
        nonlocal length
        count = os.write(descriptor, data)
        with lock:
            length += count
            for line in bytes(data).splitlines():
                written[line.split(b'"id":"')[1].split(b'"')[0].decode()] = length
        return count

    def fdatasync(descriptor: int) -> None:
        nonlocal synced
        with lock:
            covered = length
        os.fsync(descriptor)
        with lock:
            synced = max(synced, covered)

    early: list[str] = []

    def submit() -> None:
        for n in range(15):
            task_id = queue.submit(MathTask("sum", (n,)))
            with lock:
                if synced < written[task_id]:
                    early.append(task_id)

    with TaskQueue.open(folder, sync="always") as queue:
        system.write, system.fdatasync = write, fdatasync
        threads = [threading.Thread(target=submit) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(written) == 60
    assert early == []


def test_closing_serves_those_who_wait(system: System, folder: Path) -> None:
    """A store that is closed while threads wait for a sync syncs for them before it goes."""
    store = JsonStore(folder, sync="always")
    store.load()
    position = write(store, 1)
    begun, go_on = threading.Event(), threading.Event()
    outcome: list[str] = []

    def fdatasync(descriptor: int) -> None:
        begun.set()
        assert go_on.wait(LIMIT)
        os.fsync(descriptor)  # fails if the file was closed meanwhile

    def wait(until: int) -> None:
        try:
            store.sync(until)
            outcome.append("synced")
        except StorageError as error:
            outcome.append(str(error))

    system.fdatasync = fdatasync
    threads = [threading.Thread(target=wait, args=(position,))]
    threads[0].start()
    assert begun.wait(LIMIT)
    late = write(store, 2)
    threads += [threading.Thread(target=store.close), threading.Thread(target=wait, args=(late,))]
    threads[1].start()
    threads[2].start()
    go_on.set()
    for thread in threads:
        thread.join(LIMIT)
    assert outcome == ["synced", "synced"]


def test_a_new_folder_is_synced_into_the_one_above(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder's own name is on the disk too before anything is acknowledged."""
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync_folder", synced.append)
    TaskQueue.open(folder).close()
    assert synced == [tmp_path, folder, folder]  # the folder, its journal, its inbox
    TaskQueue.open(folder).close()
    assert synced[3:] == [folder]


# -- what a client sees


def test_failures_survive(folder: Path) -> None:
    """A failure read from the journal has the exception's name and text, and where it happened."""
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(MathTask("bad \U0001f40d", (1,)))
        run_one(queue)
    with TaskQueue.open(folder) as queue:
        with pytest.raises(TaskFailed, match="ValueError: operation is 'bad \U0001f40d'") as caught:
            queue.wait_for_result(task_id)
        assert caught.value.exception_type == "ValueError"
        assert "in execute" in caught.value.__notes__[0]


def test_closing_leaves_pending_tasks(folder: Path) -> None:
    """What was pending when a queue closed waits for the next one; its waiters get QueueClosed."""
    queue = TaskQueue.open(folder)
    task_id = queue.submit(MathTask("sum", (1, 2)))
    future = queue.future(task_id)
    queue.close()
    assert isinstance(future.exception(timeout=LIMIT), QueueClosed)
    with TaskQueue.open(folder) as queue:
        run_one(queue)
        assert queue.wait_for_result(task_id) == 3


# -- kill -9

SUBMIT = """
    import sys
    from taskqueue_edu import TaskQueue
    from taskqueue_edu.workloads import MathTask
    queue = TaskQueue.open(sys.argv[1])
    n = 0
    while True:
        print(queue.submit(MathTask("sum", (n,))), flush=True)
        n += 1
"""

WORK = """
    import sys
    from taskqueue_edu import TaskQueue
    from taskqueue_edu.executor import run_task
    from taskqueue_edu.workloads import MathTask
    queue = TaskQueue.open(sys.argv[1])
    desk = queue.dispatcher
    while True:
        task_id = queue.submit(MathTask("sum", (1, 2)))
        run = desk.claim("worker-1")
        desk.settle(run, *run_task(run))
        assert queue.wait_for_result(run.id) == 3
        print(run.id, flush=True)
"""


def kill_after(source: str, folder: Path, count: int) -> list[str]:
    """Run `source`, kill it after it has acknowledged `count` ids; return all it has."""
    with python(source, folder) as process:
        assert process.stdout is not None
        seen = [process.stdout.readline() for _ in range(count)]
        process.send_signal(signal.SIGKILL)
        seen += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    return [line.strip() for line in seen if line.endswith("\n")]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_kill_9_loses_no_acknowledged_task(folder: Path, seed: int) -> None:
    """Every id that was printed before a SIGKILL is in the journal, and can run."""
    count = random.Random(seed).randint(1, 400)
    acknowledged = kill_after(SUBMIT, folder, count)
    assert len(acknowledged) >= count
    with TaskQueue.open(folder) as queue:
        found = [record.id for record in queue.registry.records()]
        assert found[: len(acknowledged)] == acknowledged
        # One more may have been written, and not yet printed.
        assert len(found) - len(acknowledged) in (0, 1)
        assert queue.registry.counts()[TaskStatus.PENDING] == len(found)
        run_one(queue)
        assert queue.wait_for_result(found[0]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_kill_9_loses_no_result(folder: Path, seed: int) -> None:
    """Every result that was seen before a SIGKILL is there after it; a cut run starts again."""
    count = random.Random(seed).randint(1, 200)
    acknowledged = kill_after(WORK, folder, count)
    with TaskQueue.open(folder) as queue:
        for task_id in acknowledged:
            assert queue.wait_for_result(task_id) == 3
        counts = queue.registry.counts()
        assert counts[TaskStatus.RUNNING] == 0
        if counts[TaskStatus.PENDING]:
            (left,) = (r for r in queue.registry.records() if r.status is TaskStatus.PENDING)
            run_one(queue)
            assert queue.wait_for_result(left.id) == 3


LIMITED = """
    import resource, signal, sys
    from taskqueue_edu import TaskQueue, StorageError
    from taskqueue_edu.workloads import MathTask
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    queue = TaskQueue.open(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        while True:
            print(queue.submit(MathTask("sum", (1,))), flush=True)
    except StorageError as error:
        print(error.errno, flush=True)
    queue.close()
"""


@pytest.mark.slow
def test_a_journal_that_may_not_grow(folder: Path) -> None:
    """At the system's limit of a file's size, submit fails, and what it acknowledged is kept."""
    with python(LIMITED, folder) as process:
        assert process.stdout is not None
        *acknowledged, number = process.stdout.read().split()
    assert process.returncode == 0
    assert int(number) == errno.EFBIG
    assert len(acknowledged) > 100
    with TaskQueue.open(folder) as queue:
        assert [record.id for record in queue.registry.records()] == acknowledged
