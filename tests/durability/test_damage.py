"""Damage in the middle: every byte flipped, every block zeroed, lines lost, doubled, moved."""

from __future__ import annotations

import base64
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from durability.jobs import Echo, everything, known, quarantined, run_one
from durability.tally import tried
from durability.test_torn import life
from taskqueue_edu import JsonStore, TaskQueue, facts, files
from taskqueue_edu.errors import StorageError, UnknownTask
from taskqueue_edu.facts import RawFact
from taskqueue_edu.journal.scan import scan
from taskqueue_edu.ledger import Ledger
from taskqueue_edu.registry import fold
from taskqueue_edu.task import TaskStatus

pytestmark = pytest.mark.usefixtures("fast_disk")

HOW = {
    "lowest bit": lambda byte: byte ^ 1,
    "highest bit": lambda byte: byte ^ 0x80,
    "zeroed": lambda byte: 0,
    "newline": lambda byte: 10,
}


class Journal:
    """A journal that was well, to damage copies of it in `folder`."""

    def __init__(self, original: Path, folder: Path, *, compacted: bool) -> None:
        self.data = life(original, compacted=compacted)
        self.folder = folder
        self.path = folder / "journal.jsonl"
        folder.mkdir()
        self.lines = self.data.splitlines(keepends=True)
        self.starts = [sum(map(len, self.lines[:n])) for n in range(len(self.lines) + 1)]
        self.facts = [f for f in scan(self.data, self.path).facts if f[0] != facts.CARRIED]

    def hit(self, start: int, end: int) -> set[int]:
        """Return the numbers of the lines that damage in that range of bytes reaches.

        A line whose newline is gone takes the next one with it: nothing parts them any more.
        """
        return {
            number
            for number, (first, after) in enumerate(zip(self.starts, self.starts[1:], strict=False))
            if start < after and end > first - (number > 0)
        }

    def check(self, data: bytes, hit: set[int]) -> None:
        """Open a damaged journal twice, as a store, and compare what is found and put aside."""
        for path in self.folder.iterdir():
            path.unlink()
        self.path.write_bytes(data)
        expected = [fact for n, fact in enumerate(self.facts, 1) if n not in hit]
        if 0 in hit and not expected:
            self.check_nothing_left(data)
            return
        store = JsonStore(self.folder)
        found = list(store.load())
        store.close()
        ledger = Ledger(1_000)
        misfits = ledger.replay(expected)
        reference = folded(expected)
        assert folded(found) == reference
        damaged = [piece for piece in quarantined(self.folder) if piece["offset"] >= 0]
        odd = [piece for piece in quarantined(self.folder) if piece["offset"] < 0]
        torn = b"".join(path.read_bytes() for path in self.folder.glob("torn-*.bin"))
        # The bytes that are no line of the original are aside, once, with their place.
        assert Counter(map(content, damaged)) + Counter([torn] if torn else []) == aside(
            data, torn, set(self.lines)
        )
        for piece in damaged:
            place, bytes_there = piece["offset"], content(piece)
            assert data[place : place + len(bytes_there)] == bytes_there
            assert piece["reason"]
            assert piece["source"] == "journal.jsonl"
        # Facts that have lost their task are aside, too, if the journal was written anew.
        if damaged or store.report.gaps:
            assert len(odd) == len(misfits) == store.report.ignored
        assert store.report.damaged is (data != self.data)
        before = contents(self.folder)
        again = JsonStore(self.folder)
        assert folded(list(again.load())) == reference
        again.close()
        assert not again.report.damaged
        assert contents(self.folder) == before

    def check_nothing_left(self, data: bytes) -> None:
        """Without its header and all of its facts the file might be another program's."""
        try:
            store = JsonStore(self.folder)
            try:
                assert [f for f in store.load() if f[0] != facts.CARRIED] == []
                store.append(self.facts[0])
            finally:
                store.close()
            again = JsonStore(self.folder)
            assert [f[1] for f in again.load() if f[0] != facts.CARRIED] == [self.facts[0][1]]
            again.close()
        except StorageError:
            assert self.path.read_bytes() == data


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}


def content(piece: dict[str, Any]) -> bytes:
    encoded = piece.get("base64")
    return base64.b64decode(encoded) if encoded else piece.get("data", "").encode()


def aside(data: bytes, torn: bytes, good: set[bytes]) -> Counter[bytes]:
    """Return the lines of a damaged journal that are none of the original's, and its torn end."""
    body = data[: len(data) - len(torn)]
    bad = [line for line in body.split(b"\n")[:-1] if line + b"\n" not in good]
    return Counter(bad + ([torn] if torn else []))


def folded(stored: list[RawFact]) -> dict[str, Any]:
    """Return what facts say of each task."""
    return {record.id: known(record) for record in fold(stored).records()}


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("how", HOW)
def test_flip_every_byte(folder: Path, tmp_path: Path, how: str, compacted: bool) -> None:
    """One bad byte costs its line and no other fact; its bytes are put aside, once."""
    journal = Journal(tmp_path / "first", folder, compacted=compacted)
    n = 0
    for place, byte in enumerate(journal.data):
        bad = HOW[how](byte)
        if bad == byte:
            continue
        data = bytearray(journal.data)
        data[place] = bad
        journal.check(bytes(data), journal.hit(place, place + 1))
        n += 1
    tried(f"flips of a byte ({how})", n)


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("size", [64, 512])
def test_zero_every_block(folder: Path, tmp_path: Path, size: int, compacted: bool) -> None:
    """A block of zeros costs the lines that it reaches and no other fact."""
    journal = Journal(tmp_path / "first", folder, compacted=compacted)
    for place in range(0, len(journal.data), size):
        block = journal.data[place : place + size]
        data = journal.data[:place] + bytes(len(block)) + journal.data[place + size :]
        journal.check(data, journal.hit(place, place + len(block)))
        tried(f"blocks of {size} bytes zeroed")


def test_many_places_at_once(folder: Path, tmp_path: Path) -> None:
    """Whatever lines are damaged together, the facts in all the others are there."""
    journal = Journal(tmp_path / "first", folder, compacted=False)
    for seed in range(200):
        chance = random.Random(seed)
        data, hit = bytearray(journal.data), set()
        for place in chance.sample(range(len(data)), chance.randint(2, 6)):
            data[place] ^= chance.randint(1, 255)
            hit |= journal.hit(place, place + 1)
        journal.check(bytes(data), hit)
        tried("journals damaged in several places")


def test_lines_that_are_gone(folder: Path, tmp_path: Path) -> None:
    """Lines that are missing without a trace are reported as gaps, once."""
    journal = Journal(tmp_path / "first", folder, compacted=False)
    last = len(journal.lines) - 1
    for first in range(1, last):
        for after in range(first + 1, last + 1):
            journal.check(
                b"".join(journal.lines[:first] + journal.lines[after:]), set(range(first, after))
            )
            tried("runs of lines taken out")


def test_lines_that_are_there_twice(folder: Path, tmp_path: Path) -> None:
    """A line that is there twice counts once, and nothing has to be repaired."""
    journal = Journal(tmp_path / "first", folder, compacted=False)
    for first in range(1, len(journal.lines)):
        for place in range(first + 1, len(journal.lines) + 1):
            copy = [*journal.lines[:place], journal.lines[first], *journal.lines[place:]]
            journal.path.write_bytes(b"".join(copy))
            store = JsonStore(folder)
            assert folded(list(store.load())) == folded(journal.facts)
            store.close()
            assert store.report.duplicates == 1
            assert not store.report.damaged
            tried("lines doubled")


@pytest.mark.parametrize("compacted", [False, True])
def test_what_is_not_damaged_can_be_waited_for(
    folder: Path, tmp_path: Path, compacted: bool
) -> None:
    """After damage in each line the results of all other tasks are there, and tasks can run."""
    first = tmp_path / "first"
    with TaskQueue.open(first) as queue:
        ids = queue.submit_many([Echo(n) for n in range(4)])
        for _ in ids:
            run_one(queue)
        if compacted:
            queue.compact()
    data = (first / "journal.jsonl").read_bytes()
    rows = data.splitlines(keepends=True)
    for number, row in enumerate(rows):
        folder.mkdir()
        bad = row[:20] + b"#" + row[21:]
        (folder / "journal.jsonl").write_bytes(b"".join([*rows[:number], bad, *rows[number + 1 :]]))
        with TaskQueue.open(folder) as queue:
            for value, task_id in enumerate(ids):
                if task_id.encode() in row:
                    try:
                        status = queue.status(task_id)
                    except UnknownTask:
                        continue
                    if status is TaskStatus.PENDING:
                        assert run_one(queue) == task_id
                assert queue.wait_for_result(task_id, 0) == value
            new = queue.submit(Echo(9))
            assert run_one(queue) == new
            before = everything(queue)
        with TaskQueue.open(folder) as queue:
            assert everything(queue) == before
            assert queue.wait_for_result(new, 0) == 9
        shutil.rmtree(folder)
        tried("damaged lines, and a queue that goes on")


def test_numbers_of_lines_go_on_after_a_repair(folder: Path) -> None:
    """Whatever a repair left of a journal, what is appended then is never taken for old."""
    for keep in range(3):
        store = JsonStore(folder)
        store.load()
        store.close()
        path = folder / "journal.jsonl"
        head = path.read_bytes()
        bad = head.replace(b'"totals":{}', b'"totals":[]')
        assert bad != head
        path.write_bytes(bad)
        ids = []
        for n in range(keep + 1):
            with TaskQueue.open(folder) as queue:
                ids.append(queue.submit(Echo(n)))
                assert [record.id for record in queue.registry.records()] == ids
        with TaskQueue.open(folder) as queue:
            assert [record.id for record in queue.registry.records()] == ids
        shutil.rmtree(folder)


def test_a_repair_that_fails_is_not_noted_twice(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the disk is full as the journal is written anew, the next opening repairs it, once."""
    journal = Journal(tmp_path / "first", folder, compacted=False)
    data = journal.data.replace(b'"value":0', b'"value":5', 1)
    journal.path.write_bytes(data)
    rename = files.rename

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for _ in range(3):
        monkeypatch.setattr(files, "rename", full)
        with pytest.raises(StorageError, match="No space left"):
            TaskQueue.open(folder)
        assert journal.path.read_bytes() == data
    monkeypatch.setattr(files, "rename", rename)
    TaskQueue.open(folder).close()
    assert len([piece for piece in quarantined(folder) if piece["offset"] >= 0]) == 1
