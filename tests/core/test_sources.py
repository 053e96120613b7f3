"""What a monitor can watch besides a queue: a recording, and the journal of another process."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from taskqueue_edu import Monitor, RetryPolicy, StorageError, TaskQueue, TaskStatus, task_type
from taskqueue_edu.executor import run_task
from taskqueue_edu.facts import Submission
from taskqueue_edu.journal import FollowedJournal, Inbox
from taskqueue_edu.recording import Recording


@task_type("test.sourced")
@dataclass(frozen=True)
class Sourced:
    """A task that fails if it is told to."""

    fails: bool = False

    def execute(self) -> int:
        if self.fails:
            raise ValueError("told to")
        return 1


def step(queue: TaskQueue) -> None:
    """Run one task here and now."""
    run = queue.dispatcher.claim("me")
    assert run is not None
    queue.dispatcher.settle(run, *run_task(run))


def work(queue: TaskQueue) -> None:
    """Submit, run, retry, fail, cancel, put back."""
    ids = queue.submit_many([Sourced(), Sourced(fails=True), Sourced(), Sourced()])
    retried = queue.submit(Sourced(fails=True), retry=RetryPolicy(attempts=2, delay=0.0))
    for _ in range(3):
        step(queue)
    queue.cancel(ids[3])
    step(queue)
    queue.revive(ids[1])
    run = queue.dispatcher.claim("me")
    assert run is not None
    assert retried


def state(monitor: Monitor) -> tuple[object, ...]:
    """What a snapshot of the whole run says that does not depend on when it is taken."""
    seen = monitor.snapshot(math.inf)
    runs = [run[:4] for run in seen.runs]
    return seen.counts, seen.totals, runs, [run.task_id for run in seen.busy]


# -- recordings


@pytest.mark.parametrize("how", ["folder", "file", "saved", "saved from the journal"])
def test_a_recording_ends_as_the_run_did(tmp_path: Path, how: str) -> None:
    """Read from a folder, its journal or a saved log, a run has the counts and runs it had."""
    jobs, log = tmp_path / "jobs", tmp_path / "run.jsonl"
    with closing(TaskQueue.open(jobs)) as queue:
        work(queue)
        monitor = Monitor(queue)
        expected = state(monitor)
        if how == "saved":
            assert monitor.save(log) == sum(queue.registry.totals().values())
        elif how == "saved from the journal":
            with closing(FollowedJournal(jobs)) as journal:
                assert Monitor(journal).save(log)
        path = {"folder": jobs, "file": jobs / "journal.jsonl"}.get(how, log)
        counts, totals, runs, busy = state(Monitor(Recording.load(path)))
    assert (counts, totals, busy) == (expected[0], expected[1], expected[3])
    # A journal's times are in microseconds.
    assert [(r[0], r[1], r[2], r[3] // 1000) for r in runs] == [  # type: ignore[attr-defined]
        (r[0], r[1], r[2], r[3] // 1000)
        for r in expected[2]  # type: ignore[attr-defined]
    ]


def test_any_moment_of_it(tmp_path: Path) -> None:
    """At the moment of each fact, a recording shows what a registry of the facts so far shows."""
    with closing(TaskQueue()) as queue:
        work(queue)
        Monitor(queue).save(tmp_path / "log")
    recording = Recording.load(tmp_path / "log")
    moments = sorted({at for _, _, at, _, _ in queue.registry.facts_since(0)[0]})
    moments = [at for at in moments if at <= recording.end]
    assert (moments[0], moments[-1]) == (recording.start, recording.end)

    forward = []
    for at in moments:
        recording.seek(at)
        monitor = Monitor(recording)
        snapshot = monitor.snapshot(math.inf)
        assert snapshot.at == recording.now() == at
        assert snapshot.depth == monitor.source.log_since(0)[2]
        forward.append((recording.counts(), recording.totals()))
    backward = []
    for at in reversed(moments):
        recording.seek(at)
        backward.append((recording.counts(), recording.totals()))
    assert forward == backward[::-1]
    assert all(before != after for before, after in pairwise(forward))


def test_one_monitor_follows_a_recording_forward(tmp_path: Path) -> None:
    """A monitor that looks again and again on the way says what one at the end says."""
    with closing(TaskQueue()) as queue:
        work(queue)
        Monitor(queue).save(tmp_path / "log")
    recording = Recording.load(tmp_path / "log")
    recording.seek(recording.start)
    monitor = Monitor(recording)
    for part in range(1, 11):
        recording.seek(recording.start + (recording.end - recording.start) * part // 10)
        monitor.refresh()
    assert state(monitor) == state(Monitor(Recording.load(tmp_path / "log")))


def test_a_compacted_journal(tmp_path: Path) -> None:
    """Of a task that compaction made one line of, a recording has the last run."""
    with closing(TaskQueue.open(tmp_path / "jobs")) as queue:
        ids = queue.submit_many([Sourced(), Sourced(fails=True)])
        step(queue)
        step(queue)
        queue.compact()
        waits = queue.submit(Sourced())
    recording = Recording.load(tmp_path / "jobs")
    snapshot = Monitor(recording).snapshot(math.inf)
    assert [(run.task_id, run.outcome) for run in snapshot.runs] == [
        (ids[0], "succeeded"),
        (ids[1], "failed"),
    ]
    assert snapshot.totals["submitted"] == 3
    assert snapshot.depth == 1
    assert recording.records()[-1].id == waits


def test_the_table_of_a_recording(tmp_path: Path) -> None:
    """A recording has its tasks as a table too."""
    with closing(TaskQueue()) as queue:
        work(queue)
        Monitor(queue).save(tmp_path / "log")
        expected = Monitor(queue).to_frame()
    frame = Monitor(Recording.load(tmp_path / "log")).to_frame()
    assert list(frame.index) == list(expected.index)
    ended = frame["status"] != "cancelled"
    assert list(frame["type"]) == ["test.sourced"] * 5
    assert list(frame["worker"][ended]) == ["me"] * ended.sum()


def test_a_log_is_not_overwritten(tmp_path: Path) -> None:
    """A file that is there is not replaced by a log: that is an error, and the file stays."""
    path = tmp_path / "log"
    path.write_text("mine")
    with pytest.raises(StorageError, match=r"can't write .*log"):
        Monitor(TaskQueue()).save(path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b'{"fact":"eaten","at":1,"id":"a-1"}', b'{"fact":"started","at":"1"}', b""],
)
def test_a_log_that_is_no_log(tmp_path: Path, line: bytes) -> None:
    """A line that is no fact is an error that says which."""
    path = tmp_path / "log"
    with closing(TaskQueue()) as queue:
        queue.submit(Sourced())
        Monitor(queue).save(path)
    with path.open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(StorageError, match=r"line 3 of .* is no fact"):
        Recording.load(path)


def test_nothing_to_show(tmp_path: Path) -> None:
    """A run in which nothing happened, a file of something else, or none, is a clear error."""
    Monitor(TaskQueue()).save(tmp_path / "empty")
    with pytest.raises(ValueError, match="nothing happened"):
        Recording.load(tmp_path / "empty")
    with pytest.raises(StorageError, match="can't read"):
        Recording.load(tmp_path / "none")
    (tmp_path / "other").write_text("hello\n")
    with pytest.raises(StorageError):
        Recording.load(tmp_path / "other")


# -- the journal of another process


def test_a_journal_is_followed(tmp_path: Path) -> None:
    """A monitor of the journal sees what the owner does, as its own monitor does."""
    jobs = tmp_path / "jobs"
    with closing(TaskQueue.open(jobs)) as queue, closing(FollowedJournal(jobs)) as journal:
        monitor = Monitor(journal)
        assert monitor.snapshot().depth == 0
        work(queue)
        counts, totals, _, busy = state(monitor)
        assert (counts, totals) == (queue.registry.counts(), queue.registry.totals())
        assert busy == [record.id for record in queue.registry.running()]
        step(queue)
        assert state(monitor)[1] == queue.registry.totals()
        first = queue.registry.records()[0].id
        assert journal.get(first).status is TaskStatus.SUCCEEDED


def test_the_log_goes_on_after_compaction(tmp_path: Path) -> None:
    """What a monitor has seen before the journal was compacted, it sees once, and the rest too."""
    jobs = tmp_path / "jobs"
    with closing(TaskQueue.open(jobs)) as queue, closing(FollowedJournal(jobs)) as journal:
        monitor = Monitor(journal)
        queue.submit_many([Sourced()] * 4)
        step(queue)
        assert monitor.refresh() == 4 + 2
        running = queue.dispatcher.claim("me")
        assert running is not None
        assert monitor.refresh() == 1
        queue.compact()
        assert monitor.refresh() == 0
        assert monitor.snapshot().busy[0].task_id == running.id
        queue.compact()
        queue.submit(Sourced())
        queue.dispatcher.settle(running, *run_task(running))
        assert monitor.refresh() == 2
        snapshot = monitor.snapshot(10, to_now=True)
        assert snapshot.points[-1].depth == snapshot.depth == 3
        assert snapshot.busy == ()
        assert len(snapshot.runs) == 2
        assert sum(point.submitted for point in snapshot.points) / 2 == 5
        assert snapshot.counts == queue.registry.counts()
        late = Monitor(journal)
        assert late.refresh() == 2
        assert late.snapshot().counts == snapshot.counts


def test_what_is_in_the_inbox_waits(tmp_path: Path) -> None:
    """A task that no owner has taken in yet counts as pending, and is among the records."""
    inbox = Inbox(tmp_path / "jobs")
    task_id = inbox.submit(Submission("test.sourced", None, b"{}"))
    with closing(FollowedJournal(tmp_path / "jobs")) as journal:
        assert Monitor(journal).snapshot().depth == 1
        assert [record.id for record in journal.records()] == [task_id]
