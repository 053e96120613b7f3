"""Follower: the journal as another process sees it grow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from taskqueue_edu import (
    ResultExpired,
    StorageError,
    TaskQueue,
    TaskStatus,
    UnknownTask,
    WaitTimeout,
)
from taskqueue_edu.facts import Submission
from taskqueue_edu.journal import Inbox
from taskqueue_edu.journal.follow import Follower
from taskqueue_edu.journal.lines import encode, seal
from taskqueue_edu.workloads import MathTask

JOURNAL = Path("jobs/journal.jsonl")
TASK = MathTask("sum", (1, 2))


@pytest.fixture
def owner() -> Iterator[TaskQueue]:
    """A queue in the folder `jobs`."""
    with closing(TaskQueue.open("jobs")) as queue:
        yield queue


@pytest.fixture
def follower(owner: TaskQueue) -> Iterator[Follower]:
    """Who follows it, and has read what is there."""
    with Follower("jobs") as follower:
        follower.read()
        yield follower


def test_reads_what_is_new(owner: TaskQueue, follower: Follower) -> None:
    """Each look returns the facts since the last one, and folds them."""
    first, second = owner.submit(TASK), owner.submit(TASK)
    assert [fact[1] for fact in follower.read()] == [first, second]
    assert follower.read() == []
    owner.cancel(first)
    assert [fact[:2] for fact in follower.read()] == [("cancelled", first)]
    assert follower.get(first).status is TaskStatus.CANCELLED
    assert [record.id for record in follower.records()] == [first, second]


def test_a_line_counts_when_it_is_whole(owner: TaskQueue, tmp_path: Path) -> None:
    """Cut at every byte, a journal has the facts of its complete lines, and then the rest."""
    for _ in range(3):
        owner.submit(TASK)
    data = JOURNAL.read_bytes()
    copy = tmp_path / "copy"
    copy.mkdir()
    with Follower(copy) as follower, (copy / "journal.jsonl").open("wb", buffering=0) as file:
        seen = []
        for n in range(len(data)):
            file.write(data[n : n + 1])
            seen += follower.read()
            assert len(seen) == max(data[: n + 1].count(b"\n") - 1, 0)
    assert len(seen) == 3


def test_compaction_starts_over(owner: TaskQueue, follower: Follower) -> None:
    """When another file is in the journal's place, it is read from its start."""
    ids = [owner.submit(TASK) for _ in range(3)]
    follower.read()
    owner.compact()
    owner.cancel(ids[0])
    kinds = [fact[0] for fact in follower.read()]
    assert kinds == ["carried", "kept", "kept", "kept", "cancelled"]
    assert [record.status for record in follower.records()] == ["cancelled", "pending", "pending"]
    for _ in range(5):  # numbers of files that are gone are given out again
        owner.compact()
        owner.compact()
        owner.submit(TASK)
        assert len(follower.records()) == len(owner.registry.records())


@pytest.mark.parametrize("longer", [False, True])
def test_a_line_that_was_taken_back(owner: TaskQueue, follower: Follower, longer: bool) -> None:
    """A journal that was cut, and has perhaps grown again since, is read from its start."""
    first = owner.submit(TASK)
    end = JOURNAL.stat().st_size
    owner.submit(TASK)
    assert len(follower.records()) == 2
    os.truncate(JOURNAL, end)
    if longer:
        fact = ("cancelled", first, 1, "", "a reason " * 50)
        with JOURNAL.open("ab") as file:
            file.write(encode(2, fact))
    statuses = [record.status for record in follower.records()]
    assert statuses == ["cancelled" if longer else "pending"]


def test_damage_is_passed_over(owner: TaskQueue, follower: Follower) -> None:
    """Damaged lines don't keep those after them from being read."""
    first = owner.submit(TASK)
    with JOURNAL.open("ab") as file:
        file.write(b"rubbish\n")
    second = owner.submit(TASK)
    follower.read()
    third = owner.submit(TASK)
    follower.read()
    assert list(follower.ledger.records) == [first, second, third]


def test_old_version(tmp_path: Path, owner: TaskQueue) -> None:
    """A journal of version 1, whose owner still writes to it, is followed too."""
    owner.submit(TASK)
    _, line = JOURNAL.read_bytes().splitlines(keepends=True)
    old = tmp_path / "old"
    old.mkdir()
    header = seal(b'{"journal":"taskqueue_edu","version":1,"seq":0,"at":1764021600000000}')
    (old / "journal.jsonl").write_bytes(header)
    with Follower(old) as follower:
        assert follower.read() == []
        with (old / "journal.jsonl").open("ab") as file:
            file.write(line)
        assert [fact[0] for fact in follower.read()] == ["submitted"]


def test_no_journal(tmp_path: Path) -> None:
    """A folder without a journal and an inbox is an error; with an inbox it has no facts yet."""
    with Follower(tmp_path) as follower, pytest.raises(StorageError, match="no journal"):
        follower.read()
    inbox = Inbox(tmp_path / "jobs")
    with Follower(tmp_path / "jobs") as follower:
        assert follower.read() == []
        task_id = inbox.submit(Submission("sleep", None, b'{"seconds":0}'))
        assert follower.get(task_id).status is TaskStatus.PENDING
        with closing(TaskQueue.open(tmp_path / "jobs")):
            assert [fact[1] for fact in follower.read()] == [task_id]


def test_unknown_and_expired(tmp_path: Path) -> None:
    """An id that never was is unknown; one that compaction took out has expired."""
    with closing(TaskQueue.open("jobs", retain=1)) as queue:
        ids = [queue.submit(TASK) for _ in range(3)]
        for task_id in ids:
            queue.cancel(task_id)
        queue.compact()
        with Follower("jobs") as follower:
            assert follower.get(ids[2]).status is TaskStatus.CANCELLED
            with pytest.raises(ResultExpired):
                follower.get(ids[0])
            with pytest.raises(UnknownTask):
                follower.get("feed-1")


def test_wait_gives_up(owner: TaskQueue, follower: Follower) -> None:
    """A wait ends after its timeout, and names what the task is."""
    task_id = owner.submit(TASK)
    with pytest.raises(WaitTimeout, match="pending"):
        follower.wait(task_id, timeout=0)
    owner.cancel(task_id)
    assert follower.wait(task_id, timeout=0).status is TaskStatus.CANCELLED
