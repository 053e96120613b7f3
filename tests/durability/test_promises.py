"""One quick test for each mechanism behind a promise. `mutants.py` takes each mechanism out."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from taskqueue_edu import facts, files
from taskqueue_edu.catalogue import task_type
from taskqueue_edu.errors import StorageError, StoreLocked, TaskDead
from taskqueue_edu.executor import run_task
from taskqueue_edu.facts import RawFact, Submission
from taskqueue_edu.journal import Inbox, JsonStore, lines, read_facts
from taskqueue_edu.journal.scan import scan
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.task import TaskStatus

LIMIT = 10.0
"""Seconds after which a wait has failed. None takes so long unless something is wrong."""

MOMENT = 0.2
"""Seconds for a thread to do what it must not do yet. Code that is right waits in vain so long."""


@task_type("promise")
@dataclass(frozen=True)
class Promise:
    number: int = 15

    def execute(self) -> int:
        return self.number


def run_next(queue: TaskQueue) -> None:
    """Run the next task of a queue without a pool, in this thread."""
    run = queue.dispatcher.claim("hand")
    assert run is not None
    queue.dispatcher.settle(run, *run_task(run))


def submitted(number: int) -> RawFact:
    submission = Submission("promise", None, b'{"number":1}')
    return facts.SUBMITTED, f"9f3c51a0b7e2-{number}", 1_000 * number, "promise", submission


def write(store: JsonStore, number: int) -> int:
    """Let the store write a fact; return its position."""
    position = store.append(submitted(number))
    store.flush(position)
    return position


def ids(stored: Any) -> list[str]:
    return [fact[1] for fact in stored if fact[0] != facts.CARRIED]


def journal(folder: Path) -> Path:
    return folder / "journal.jsonl"


def rows(folder: Path) -> list[bytes]:
    return journal(folder).read_bytes().splitlines(keepends=True)


def finished(folder: Path) -> str:
    """Leave a journal with one task that has its result, 15; return the task's id."""
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(Promise())
        run_next(queue)
    return task_id


class Calls:
    """Notes the calls that reach the disk, in their order; `before` is called before each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        self.before: Callable[[str], None] = lambda name: None
        for name in ("write_all", "sync_data", "sync_folder", "rename", "truncate"):
            monkeypatch.setattr(files, name, self._noted(name, getattr(files, name)))
        monkeypatch.setattr(Path, "unlink", self._noted("unlink", Path.unlink))

    def _noted(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            self.before(name)
            result = real(*args, **options)
            self.names.append(name)
            return result

        return call


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


# -- torn and damaged


def test_a_torn_line_is_cut(folder: Path) -> None:
    """What is written after a torn line is there for the next process."""
    finished(folder)
    with journal(folder).open("ab") as file:
        file.write(b'{"fact":"submi')
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(Promise())
    with TaskQueue.open(folder) as queue:
        assert queue.status(task_id) is TaskStatus.PENDING
        assert queue.recovery is not None
        assert not queue.recovery.damaged


def test_a_value_that_was_changed_is_no_result(folder: Path) -> None:
    """A digit that flips in a result leaves good JSON: only the checksum tells."""
    task_id = finished(folder)
    data = journal(folder).read_bytes()
    assert data.count(b'"value":15') == 1
    journal(folder).write_bytes(data.replace(b'"value":15', b'"value":16') + rows(folder)[0])
    found = scan(journal(folder).read_bytes(), journal(folder))
    assert facts.SUCCEEDED not in [fact[0] for fact in found.facts if fact[1] == task_id]
    assert "checksum" in found.damage[0].reason


def test_a_line_that_was_changed_is_seen_among_good_ones(folder: Path) -> None:
    """Many lines are read at once: a wrong one among them is found all the same."""
    kept = [lines.header(0), *(lines.encode(n, submitted(n)) for n in (1, 2, 3))]
    kept[2] = kept[2].replace(b'"number":1', b'"number":2')
    found = scan(b"".join(kept), journal(folder))
    assert ids(found.facts) == ["9f3c51a0b7e2-1", "9f3c51a0b7e2-3"]
    assert [piece.data for piece in found.damage] == [kept[2][:-1]]


def test_lines_out_of_order_are_seen_among_good_ones(folder: Path) -> None:
    """Many lines are read at once: their numbers are looked at all the same."""
    kept = [lines.header(0), *(lines.encode(n, submitted(n)) for n in (1, 3, 2, 4))]
    found = scan(b"".join(kept), journal(folder))
    assert ids(found.facts) == [f"9f3c51a0b7e2-{n}" for n in (1, 3, 4)]
    assert (found.gaps, found.duplicates) == ([(2, 2)], 1)


def test_a_gap_is_reported(folder: Path) -> None:
    """A line that is gone without a trace shows in the numbers of the others."""
    store = JsonStore(folder)
    store.load()
    for number in (1, 2, 3):
        write(store, number)
    store.close()
    kept = rows(folder)
    del kept[2]
    journal(folder).write_bytes(b"".join(kept))
    with TaskQueue.open(folder) as queue:
        assert queue.recovery is not None
        assert queue.recovery.gaps == [(2, 2)]


def test_a_line_that_is_there_twice_counts_once(folder: Path) -> None:
    """Lines that some tool copied within the journal change nothing."""
    task_id = finished(folder)
    kept = rows(folder)
    journal(folder).write_bytes(b"".join(kept + kept[1:]))
    with TaskQueue.open(folder) as queue:
        assert queue.wait_for_result(task_id, LIMIT) == 15
        assert queue.recovery is not None
        assert queue.recovery.duplicates == 3
        assert queue.recovery.ignored == 0


def test_a_submission_that_is_there_twice_counts_once(folder: Path) -> None:
    """A second submission of an id, under another number, changes nothing."""
    task_id = finished(folder)
    again = json.loads(rows(folder)[1])
    again["seq"] = 4
    del again["crc"]
    with journal(folder).open("ab") as file:
        file.write(lines.seal(json.dumps(again).encode()))
    with TaskQueue.open(folder) as queue:
        assert queue.wait_for_result(task_id, LIMIT) == 15
        assert queue.registry.totals()[facts.SUBMITTED] == 1
        assert queue.recovery is not None
        assert queue.recovery.ignored == 0


def test_a_result_whose_start_is_lost_counts(folder: Path) -> None:
    """A task that has its result does not run again because the line of its start is damaged."""
    task_id = finished(folder)
    kept = rows(folder)
    assert b'"started"' in kept[2]
    journal(folder).write_bytes(b"".join((*kept[:2], b"damage\n", *kept[3:])))
    with TaskQueue.open(folder) as queue:
        assert queue.status(task_id) is TaskStatus.SUCCEEDED
        assert queue.wait_for_result(task_id, LIMIT) == 15


def test_a_newer_version_is_refused(folder: Path) -> None:
    """A journal that a newer program wrote is not read as if this one knew it."""
    finished(folder)
    newer = {**json.loads(rows(folder)[0]), "version": lines.VERSION + 1}
    del newer["crc"]
    first = lines.seal(json.dumps(newer, separators=(",", ":")).encode())
    journal(folder).write_bytes(b"".join((first, *rows(folder)[1:])))
    with pytest.raises(StorageError, match="use the newer program"):
        TaskQueue.open(folder).close()


# -- the process dies


def test_a_task_that_kills_its_process_dies(folder: Path) -> None:
    """A task that runs as its process dies comes back `max_recoveries` times, and is dead then."""
    for death in range(3):
        with TaskQueue.open(folder, max_recoveries=2) as queue:
            if death == 0:
                task_id = queue.submit(Promise())
            assert queue.status(task_id) is TaskStatus.PENDING
            run = queue.dispatcher.claim("hand")
            assert run is not None
            assert run.attempt == death + 1
            shutil.copytree(folder, folder.with_name(f"after-{death}"), ignore=_no_fifo)
            queue.dispatcher.settle(run, *run_task(run))
        folder = folder.with_name(f"after-{death}")
    with TaskQueue.open(folder, max_recoveries=2) as queue:
        assert queue.status(task_id) is TaskStatus.DEAD
        with pytest.raises(TaskDead, match="2 times before"):
            queue.wait_for_result(task_id, LIMIT)


def _no_fifo(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "bell"]


# -- what is on the disk, and when


def test_a_failed_write_is_the_last(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a write failed nothing more is taken: part of a line may be in the journal."""
    store = JsonStore(folder)
    store.load()
    write(store, 1)

    def half(descriptor: int, data: bytes) -> None:
        os.write(descriptor, data[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_all", half)
        with pytest.raises(StorageError):
            write(store, 2)
    with pytest.raises(StorageError):
        write(store, 3)
    store.close()
    store = JsonStore(folder)
    assert ids(store.load()) == ["9f3c51a0b7e2-1"]
    store.close()


def test_who_waits_for_a_sync_returns_after_it(folder: Path, calls: Calls) -> None:
    """Group commit: who finds a sync under way does not return before it has ended."""
    store = JsonStore(folder, sync="always")
    store.load()
    events: list[str] = []
    position = write(store, 1)

    def follow() -> None:
        store.sync(position)
        events.append("returned")

    follower = threading.Thread(target=follow)

    def before(name: str) -> None:
        if name == "sync_data" and not events:
            follower.start()
            follower.join(MOMENT)
            events.append("synced")

    calls.before = before
    store.sync(position)
    follower.join(LIMIT)
    assert events == ["synced", "returned"]
    store.close()


def test_a_result_is_seen_once_it_is_on_the_disk(folder: Path, calls: Calls) -> None:
    """With sync="always" nobody sees a result that a power cut could still take back."""
    events: list[str] = []
    with TaskQueue.open(folder, sync="always") as queue:
        task_id = queue.submit(Promise())
        run_next(queue)
        calls.before = events.append
        assert queue.wait_for_result(task_id, LIMIT) == 15
        calls.before = lambda name: None
    assert events == ["sync_data"]


def test_a_request_is_on_the_disk_before_its_id_is_given_out(folder: Path, calls: Calls) -> None:
    """A client's request is synced, gets its name, and the name is synced."""
    inbox = Inbox(folder)
    calls.names.clear()
    inbox.submit(Submission("promise", None, b"{}"))
    assert calls.names == ["write_all", "sync_data", "rename", "sync_folder"]


def test_an_owner_that_dies_as_it_is_rung(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client whose owner dies between the request and the bell has left its request."""
    with TaskQueue.open(folder):
        pass
    bell, original = folder / "inbox" / "bell", os.open
    reader = [original(bell, os.O_RDONLY | os.O_NONBLOCK)]

    def opened(path: Any, *args: Any, **options: Any) -> int:
        descriptor = original(path, *args, **options)
        if Path(path) == bell:
            os.close(reader.pop())
        return descriptor

    monkeypatch.setattr(os, "open", opened)
    inbox = Inbox(folder)
    task_id = inbox.submit(Submission("promise", None, b"{}"))
    assert not reader
    assert [path.name for path in inbox.waiting()] == [f"{task_id}.submitted"]


@pytest.mark.parametrize("level", ["process", "always"])
def test_a_request_stays_until_the_journal_has_it(folder: Path, calls: Calls, level: Any) -> None:
    """The owner syncs its journal before it takes a request out of the inbox, at every level."""
    TaskQueue.open(folder).close()  # so that the journal has its header
    task_id = Inbox(folder).submit(Submission("promise", None, b"{}"))
    calls.names.clear()
    TaskQueue.open(folder, sync=level).close()
    assert task_id in ids(read_facts(folder))
    taken = calls.names[calls.names.index("write_all") :]
    assert taken[:4] == ["write_all", "sync_data", "unlink", "sync_folder"]


def test_a_request_of_a_known_id_changes_nothing(folder: Path) -> None:
    """A request that is still there after its task was taken in is only removed."""
    task_id = Inbox(folder).submit(Submission("promise", None, b'{"number":15}'))
    request = folder / "inbox" / f"{task_id}.submitted"
    data = request.read_bytes()
    with TaskQueue.open(folder) as queue:
        run_next(queue)
    request.write_bytes(data)
    with TaskQueue.open(folder) as queue:
        assert queue.registry.totals()[facts.SUBMITTED] == 1
        assert queue.wait_for_result(task_id, LIMIT) == 15
        assert not request.exists()


def test_a_folder_has_one_owner(folder: Path) -> None:
    """While a queue is open, nobody else may write its journal."""
    with TaskQueue.open(folder), pytest.raises(StoreLocked, match="already open"):
        JsonStore(folder).close()  # all that a second queue would come to


# -- compaction


def test_a_compaction_is_on_the_disk_before_it_has_the_name(folder: Path, calls: Calls) -> None:
    """The new journal is synced, with its tail, before it is renamed, and the name after."""
    store = JsonStore(folder)
    store.load()
    write(store, 1)
    calls.names.clear()
    store.compact()
    first = calls.names.index("sync_data")
    assert calls.names[first:] == ["sync_data", "write_all", "sync_data", "rename", "sync_folder"]
    store.close()


def test_what_is_written_during_a_compaction_is_in_it(folder: Path, calls: Calls) -> None:
    """The tail that came while the snapshot was made is in the new journal."""
    store = JsonStore(folder)
    store.load()
    write(store, 1)
    late: list[int] = []

    def before(name: str) -> None:
        if name == "sync_data" and not late:
            late.append(0)
            late.append(write(store, 2))

    calls.before = before
    store.compact()
    write(store, 3)
    store.close()
    assert ids(read_facts(folder)) == [f"9f3c51a0b7e2-{n}" for n in (1, 2, 3)]


def test_positions_grow_through_a_compaction(folder: Path) -> None:
    """A position from before a compaction is smaller than any after it, and the file is known."""
    with TaskQueue.open(folder, sync="always") as queue:
        store = queue.registry.store
        for _ in range(5):
            queue.submit(Promise())
            run_next(queue)
        before = write(store, 1)
        was, is_now = queue.compact()
        assert is_now < was
        assert write(store, 2) > before
        length = journal(folder).stat().st_size
        assert queue.compact()[0] == length


def test_a_task_is_found_again_with_a_shorter_retention(folder: Path) -> None:
    """A task that failed and was put back is not forgotten, however little is kept by then."""

    @task_type("promise-fails")
    @dataclass(frozen=True)
    class Fails:
        def execute(self) -> None:
            raise ValueError("no")

    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(Fails())
        run_next(queue)
        for _ in range(3):
            queue.submit(Promise())
            run_next(queue)
        queue.revive(task_id)
    with TaskQueue.open(folder, retain=1) as queue:
        assert queue.status(task_id) is TaskStatus.PENDING
        assert queue.registry.counts()[TaskStatus.SUCCEEDED] == 1
