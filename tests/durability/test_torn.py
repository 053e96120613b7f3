"""A write that was cut off: at every byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from durability.jobs import FAR, Echo, Fail, everything, run_one
from durability.tally import tried
from taskqueue_edu import JsonStore, TaskQueue, facts
from taskqueue_edu.facts import RawFact
from taskqueue_edu.journal import read_facts

pytestmark = pytest.mark.usefixtures("fast_disk")


def life(folder: Path, *, compacted: bool) -> bytes:
    """Make a journal with lines of many kinds, and return its bytes."""
    with TaskQueue.open(folder) as queue:
        ids = [queue.submit(Echo(n), priority=n) for n in range(3)]
        ids.append(queue.submit(Fail("caf\u00e9 \U0001f40d"), delay=0.0))
        for _ in ids[1:]:
            run_one(queue)
        queue.cancel(ids[0], "not needed")
        queue.submit(Echo(7), delay=FAR)
        if compacted:
            queue.compact()
            queue.cancel(queue.submit(Echo(8)), "not that")
    return (folder / "journal.jsonl").read_bytes()


def names(stored: list[RawFact]) -> list[tuple[str, str]]:
    return [fact[:2] for fact in stored if fact[0] != facts.CARRIED]


@pytest.mark.parametrize("compacted", [False, True])
def test_cut_at_every_byte(folder: Path, tmp_path: Path, compacted: bool) -> None:
    """What was whole is there, what was torn is kept, and the second opening reports nothing."""
    data = life(tmp_path / "first", compacted=compacted)
    stored = names(read_facts(tmp_path / "first"))
    folder.mkdir()
    journal = folder / "journal.jsonl"
    for length in range(len(data) + 1):
        journal.write_bytes(data[:length])
        whole = data[:length].count(b"\n")
        start = data.rfind(b"\n", 0, length) + 1
        for opening in range(2):
            store = JsonStore(folder)
            assert names(list(store.load())) == stored[: max(whole - 1, 0)]
            report = store.report
            store.close()
            torn = folder / f"torn-{start}.bin"
            if start < length:
                assert torn.read_bytes() == data[start:length]
                assert report.torn == (None if opening else torn)
            else:
                assert not torn.exists()
            assert report.damaged is (start < length and not opening)
            assert report.torn_bytes == (0 if opening else length - start)
            assert [report.quarantined, report.gaps] == [[], []]
            assert (report.duplicates, report.ignored) == (0, 0)
        if whole:
            assert journal.read_bytes() == data[:start]
        torn.unlink(missing_ok=True)
    assert not (folder / "quarantine.jsonl").exists()
    tried("cuts of a journal", len(data) + 1)


def test_a_queue_goes_on_after_every_cut(folder: Path, tmp_path: Path) -> None:
    """After any cut the queue opens, takes a task, and finds all of it the next time."""
    data = life(tmp_path / "first", compacted=True)
    for length in range(0, len(data) + 1, 7):
        folder.mkdir()
        (folder / "journal.jsonl").write_bytes(data[:length])
        with TaskQueue.open(folder) as queue:
            task_id = queue.submit(Echo(length), priority=99)
            assert run_one(queue) == task_id
            while queue.registry._ledger.waiting() > len(queue.registry._ledger.delayed):
                run_one(queue)
            before = everything(queue)
        with TaskQueue.open(folder) as queue:
            assert queue.wait_for_result(task_id, 0) == length
            assert everything(queue) == before
            assert queue.recovery is not None
            assert not queue.recovery.damaged
        shutil.rmtree(folder)
        tried("cuts of a journal, and a task after each")


@pytest.mark.slow
def test_zeros_in_place_of_the_first_line(folder: Path) -> None:
    """A first line that a power cut left as zeros, in part or whole, is put aside, once."""
    TaskQueue.open(folder).close()
    journal = folder / "journal.jsonl"
    first = journal.read_bytes()
    for cut in range(len(first)):
        zeros = bytes(len(first))
        for damaged in (first[:cut] + zeros[cut:], zeros[: cut + 1] + first[cut + 1 :]):
            journal.write_bytes(damaged)
            with TaskQueue.open(folder) as queue:
                assert queue.recovery is not None
                assert queue.recovery.damaged
                task_id = queue.submit(Echo(cut), delay=FAR)
            with TaskQueue.open(folder) as queue:
                assert [record.id for record in queue.registry.records()] == [task_id]
                assert queue.recovery is not None
                assert not queue.recovery.damaged
            for path in (*folder.glob("torn-*"), *folder.glob("quarantine.*")):
                assert path.read_bytes()
                path.unlink()
        tried("first lines with zeros", 2)
