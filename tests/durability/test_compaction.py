"""One line a task in place of all facts: the same is known before and after, whatever happens."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durability.faults import Killed, Layer
from durability.jobs import FAR, LIMIT, Echo, Fail, Pad, everything, run_one
from durability.tally import tried
from taskqueue_edu import RetryPolicy, TaskQueue, TaskStatus, WorkerPool, facts, files
from taskqueue_edu.errors import (
    ResultExpired,
    StorageError,
    TaskDead,
    TaskFailed,
    UnknownTask,
)
from taskqueue_edu.journal import read_facts

OFTEN = RetryPolicy(attempts=5, on=(LookupError,), delay=FAR)


def all_kinds(queue: TaskQueue) -> dict[str, str]:
    """Bring tasks into each status, by each way; return their ids by name."""
    ids = {"done": queue.submit(Echo(1), priority=90)}
    run_one(queue)
    ids["failed"] = queue.submit(Fail("no \U0001f40d"), priority=90)
    run_one(queue)
    ids["retried"] = queue.submit(Fail(), retry=OFTEN, priority=90)
    run_one(queue)
    ids["dead"] = queue.submit(Echo(2), priority=90)
    ids["lost"] = queue.submit(Echo(3), priority=80)
    for name, times in (("dead", 4), ("lost", 1)):
        for _ in range(times):
            run = queue.dispatcher.claim("worker-7")
            assert run is not None
            assert run.id == ids[name]
            queue.dispatcher.lose(run, "the lights went out")
    ids["revived"] = queue.submit(Fail("again"), priority=85)
    run_one(queue)
    queue.revive(ids["revived"], "once more")
    ids["cancelled"] = queue.submit(Echo(4))
    queue.cancel(ids["cancelled"], "not needed")
    ids["delayed"] = queue.submit(Echo(5), delay=FAR, priority=3)
    ids["low"] = queue.submit(Echo(6), priority=-2)
    ids["high"] = queue.submit(Echo(7), priority=70, retry=RetryPolicy(2, (OSError,), 0.5))
    ids["plain"] = queue.submit(Echo(8))
    return ids


def run_rest(queue: TaskQueue) -> list[str]:
    """Run all tasks that are due; return their ids in order."""
    ran = []
    while any(r.status is TaskStatus.PENDING and r.due is None for r in queue.registry.records()):
        ran.append(run_one(queue))
    return ran


def test_everything_is_the_same(folder: Path, tmp_path: Path) -> None:
    """Status, result, failure, attempts, priority, policy, due time, totals: all as before."""
    with TaskQueue.open(folder) as queue:
        ids = all_kinds(queue)
        before = everything(queue)
        count = len(read_facts(folder))
        was, now = queue.compact()
        assert now < was
        assert now == (folder / "journal.jsonl").stat().st_size
        assert everything(queue) == before
    assert len(read_facts(folder)) == 1 + len(ids) < count
    shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("bell"))
    assert set(before["counts"].values()) != {0}
    for _ in range(2):
        with TaskQueue.open(folder) as queue:
            assert everything(queue) == before
            assert queue.recovery is not None
            assert not queue.recovery.damaged
            assert queue.wait_for_result(ids["done"], 0) == 1
            with pytest.raises(TaskFailed, match="no \U0001f40d") as failed:
                queue.wait_for_result(ids["failed"], 0)
            assert failed.value.exception_type == "LookupError"
            assert "in execute" in failed.value.__notes__[0]
            with pytest.raises(TaskDead, match="lights went out"):
                queue.wait_for_result(ids["dead"], 0)
            queue.compact()
    with TaskQueue.open(folder) as queue:
        order = ["revived", "lost", "high", "plain", "low"]
        assert run_rest(queue) == [ids[name] for name in order]
        for name in ("failed", "dead"):
            queue.revive(ids[name])
        assert set(run_rest(queue)) == {ids["failed"], ids["dead"]}
        assert queue.wait_for_result(ids["dead"], 0) == 2


def test_compacting_twice_changes_nothing(folder: Path) -> None:
    """A compacted journal is compacted into itself, but for the numbers and the header's time."""
    with TaskQueue.open(folder) as queue:
        all_kinds(queue)
        queue.compact()
        before = everything(queue)
        size = (folder / "journal.jsonl").stat().st_size
        for _ in range(3):
            assert queue.compact() == (size, size)
    with TaskQueue.open(folder) as queue:
        assert everything(queue) == before


def test_a_running_task(folder: Path, tmp_path: Path) -> None:
    """A task that runs meanwhile ends as usual; if its process dies it is recovered."""
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(Echo(5))
        run = queue.dispatcher.claim("w")
        assert run is not None
        queue.compact()
        shutil.copytree(folder, tmp_path / "died", ignore=shutil.ignore_patterns("bell"))
        queue.dispatcher.settle(run, facts.SUCCEEDED, 5)
        assert queue.wait_for_result(task_id, 0) == 5
    with TaskQueue.open(folder) as queue:
        assert queue.wait_for_result(task_id, 0) == 5
    with TaskQueue.open(tmp_path / "died") as queue:
        record = queue.registry.get(task_id)
        assert (record.status, record.recoveries) == (TaskStatus.PENDING, 1)
        run_one(queue)
        assert queue.wait_for_result(task_id, 0) == 5


operations = st.lists(
    st.tuples(
        st.sampled_from(
            [*["submit"] * 3, *["run"] * 3, "lose", "release", "cancel", "revive", "compact"]
        ),
        st.integers(0, 99),
    ),
    max_size=40,
)


def operate(queue: TaskQueue, what: str, number: int) -> None:
    """Do one thing to a queue, if it can be done now."""
    records = queue.registry.records()
    chosen = records[number % len(records)] if records else None
    if what == "submit":
        task = (Echo(number), Fail(str(number)), Pad("x" * number))[number % 3]
        retry = (None, OFTEN, RetryPolicy(2, delay=0.0))[number % 4 % 3]
        queue.submit(task, priority=number % 5, delay=FAR * (number % 7 == 6), retry=retry)
    elif what == "compact":
        queue.compact()
    elif what == "cancel" and chosen is not None:
        queue.cancel(chosen.id, f"reason {number}")
    elif what == "revive" and chosen is not None:
        if chosen.status in (TaskStatus.FAILED, TaskStatus.DEAD):
            queue.revive(chosen.id, f"reason {number}")
    elif what in ("run", "lose", "release") and any(
        r.status is TaskStatus.PENDING and (r.due or 0) < 1e9 for r in records
    ):
        if what == "run":
            run_one(queue, f"worker-{number % 3}")
            return
        run = queue.dispatcher.claim("w")
        assert run is not None
        if what == "lose":
            queue.dispatcher.lose(run, "lost")
        else:
            queue.dispatcher.settle(run, facts.RELEASED, "released")


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=100)
@given(operations, operations, st.sampled_from([2, 1_000]))
def test_whatever_happened_before(
    steps: list[tuple[str, int]], later: list[tuple[str, int]], retain: int
) -> None:
    """After any life of a queue, compaction keeps all that was known, expired ids included.

    What had expired before others were revived may be there again: a revival makes room.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, plain = Path(name) / "jobs", Path(name) / "plain"
        with TaskQueue.open(folder, retain=retain, compact_at=None) as queue:
            for what, number in steps:
                operate(queue, what, number)
            if later:
                queue.compact()
            for what, number in later:
                operate(queue, what, number)
            shutil.copytree(folder, plain, ignore=shutil.ignore_patterns("bell", "lock"))
            before = everything(queue)
            queue.compact()
        found = []
        for again in (plain, folder):
            with TaskQueue.open(again, retain=retain) as queue:
                found.append(everything(queue))
                assert queue.recovery is not None
                assert queue.recovery.lines() == []
        assert found[0] == found[1]
        if before["totals"][facts.REVIVED]:
            assert found[0]["totals"] == before["totals"]
            again_there = found[0]["records"].keys() - before["records"].keys()
            assert all(found[0]["records"].pop(i)["finished"] for i in again_there)
            assert found[0]["records"] == before["records"]
        else:
            assert found[0] == before
    tried("random lives of a queue, compacted")


# -- killed, failed


@pytest.mark.parametrize(
    "fault", ["kill", "kill-half", "kill-after", "power", "power-after", "eio", "enospc", "short"]
)
def test_every_step(layer: Layer, folder: Path, tmp_path: Path, fault: str) -> None:
    """Killed, cut off, or failed at any step: all is there, and the next compaction works."""
    frozen = tmp_path / "frozen"
    with TaskQueue.open(tmp_path / "first", sync="always") as queue:
        all_kinds(queue)
        before = everything(queue)
    at, hit = 0, True
    while hit:
        at += 1
        shutil.copytree(tmp_path / "first", folder, ignore=shutil.ignore_patterns("bell"))
        queue = TaskQueue.open(folder, sync="always")
        layer.watch(folder, frozen, fault, at)
        try:
            queue.compact()
        except (Killed, StorageError):
            pass
        finally:
            hit = bool(layer.hit)
            layer.rest()
            try:
                queue.close()
            except StorageError:
                assert hit
        for left in (frozen, folder) if frozen.exists() else (folder,):
            with TaskQueue.open(left) as queue:
                assert everything(queue) == before
                assert queue.recovery is not None
                assert not queue.recovery.damaged
                queue.compact()
            with TaskQueue.open(left) as queue:
                assert everything(queue) == before
            shutil.rmtree(left)
        if hit:
            tried(f"compactions stopped at a step ({fault})")
    assert at == 7


@pytest.mark.parametrize("sync", ["process", "always"])
def test_killed_after_every_byte_of_the_new_journal(folder: Path, sync: str) -> None:
    """However much of the new journal was written, the old one counts until it has the name."""
    with TaskQueue.open(folder, sync=sync) as queue:
        ids = queue.submit_many([Echo(n) for n in range(3)])
        run_one(queue)
        before = everything(queue)
        queue.compact()
        new = (folder / "journal.jsonl").read_bytes()
    for length in range(0, len(new) + 1, 3):
        (folder / "journal.new").write_bytes(new[:length])
        with TaskQueue.open(folder, sync=sync) as queue:
            assert everything(queue) == before
            assert queue.status(ids[2]) is TaskStatus.PENDING
        assert not (folder / "journal.new").exists()
        tried("new journals cut off")


# -- while others work


@pytest.mark.slow
@pytest.mark.parametrize("sync", ["process", "always", "interval"])
def test_while_others_submit_and_work(folder: Path, sync: str) -> None:
    """Four threads submit and two work while the journal is compacted over and over."""
    told: list[str] = []
    errors: list[BaseException] = []
    counted = 0

    def client(number: int) -> None:
        try:
            for n in range(60):
                task_id = queue.submit(Echo(n) if n % 5 else Fail(), priority=n % 3)
                told.append(task_id)
                if n % 5 == 1:
                    assert queue.wait_for_result(task_id, LIMIT) == n
        except BaseException as error:
            errors.append(error)

    with (
        TaskQueue.open(folder, sync=sync, interval=0.001, compact_at=None) as queue,
        WorkerPool(2) as pool,
    ):
        pool.start_processing(queue)
        threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            queue.compact()
            counted += 1
        for thread in threads:
            thread.join()
        queue.join(LIMIT)
        before = everything(queue)
    assert errors == []
    assert len(set(told)) == len(told) == 240
    with TaskQueue.open(folder) as queue:
        assert everything(queue) == before
        assert before["counts"][TaskStatus.SUCCEEDED] == 192
        assert before["counts"][TaskStatus.FAILED] == 48
        assert queue.recovery is not None
        assert not queue.recovery.damaged
    tried(f"compactions while others worked ({sync})", counted)


def test_what_is_written_meanwhile_is_copied_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that is submitted in the middle of the work is in the new journal, too."""
    sync_data = files.sync_data
    told: list[str] = []

    def sync(descriptor: int) -> None:
        sync_data(descriptor)
        if len(told) == 3:
            told.append(queue.submit(Echo(99)))

    with TaskQueue.open(folder) as queue:
        told += queue.submit_many([Echo(n) for n in range(3)])
        monkeypatch.setattr(files, "sync_data", sync)
        queue.compact()
        monkeypatch.undo()
        told.append(queue.submit(Echo(4)))
    with TaskQueue.open(folder) as queue:
        assert [record.id for record in queue.registry.records()] == told
        assert len(told) == 5


# -- by itself


@pytest.fixture
def compacted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function that returns once another compaction has taken the journal's name."""
    done = threading.Semaphore(0)
    sync_folder = files.sync_folder

    def sync(folder: Path) -> None:
        sync_folder(folder)
        done.release()

    def wait() -> None:
        assert done.acquire(timeout=LIMIT)

    monkeypatch.setattr(files, "sync_folder", sync)

    def begin() -> None:
        while done.acquire(blocking=False):
            pass

    wait.begin = begin  # type: ignore[attr-defined]
    wait.seen = lambda: done.acquire(blocking=False)  # type: ignore[attr-defined]
    return wait


def test_by_itself_past_a_size(folder: Path, compacted: Any) -> None:
    """Once the journal is longer than `compact_at` it is compacted, without anybody asking."""
    with TaskQueue.open(folder, compact_at=20_000, retain=2) as queue:
        compacted.begin()
        told = []
        for _ in range(2):
            while not compacted.seen():
                told.append(queue.submit(Pad("x" * 400)))
                run_one(queue)
        # Two finished tasks are kept, and what came during the compaction, however long it took.
        assert told[0] not in {fact[1] for fact in read_facts(folder)}
        before = everything(queue)
    with TaskQueue.open(folder, retain=2) as queue:
        assert everything(queue) == before
        assert queue.registry.totals()[facts.SUCCEEDED] == len(told)
        assert queue.wait_for_result(told[-1], 0) == 400
    tried("compactions by itself", 2)


def test_not_again_before_it_has_grown(folder: Path, compacted: Any) -> None:
    """A journal full of what must be kept is not compacted at every write."""
    with TaskQueue.open(folder, compact_at=3_000) as queue:
        compacted.begin()
        journal = folder / "journal.jsonl"
        while journal.stat().st_size <= 3_000:
            queue.submit(Pad("x" * 100))
        compacted()
        inode = journal.stat().st_ino
        size = journal.stat().st_size
        assert size > 2_500
        while journal.stat().st_size < 3 * size:
            queue.submit(Pad("x" * 100))
        assert journal.stat().st_ino == inode


def test_never_by_itself_if_not_wanted(folder: Path) -> None:
    """With `compact_at=None` the journal only grows."""
    with TaskQueue.open(folder, compact_at=None) as queue:
        inode = (folder / "journal.jsonl").stat().st_ino
        for _ in range(200):
            queue.submit(Pad("x" * 1_000))
        assert (folder / "journal.jsonl").stat().st_ino == inode
        assert (folder / "journal.jsonl").stat().st_size > 200_000


def test_closing_waits_for_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that is closed in the middle of a compaction ends it first, and loses nothing."""
    begun, go_on = threading.Event(), threading.Event()
    rename = files.rename

    def slow(old: Path, new: Path) -> None:
        begun.set()
        assert go_on.wait(LIMIT)
        rename(old, new)

    monkeypatch.setattr(files, "rename", slow)
    queue = TaskQueue.open(folder, compact_at=1_000)
    told = []
    while not begun.is_set() and len(told) < 9:
        told.append(queue.submit(Pad("x" * 200)))
    assert begun.wait(LIMIT)
    closer = threading.Thread(target=queue.close)
    closer.start()
    go_on.set()
    closer.join(LIMIT)
    with TaskQueue.open(folder) as queue:
        assert [record.id for record in queue.registry.records()] == told


# -- what is kept no more


def test_retain(folder: Path) -> None:
    """Only the newest finished tasks are kept, and the others are known to have expired."""
    with TaskQueue.open(folder, retain=3) as queue:
        first = queue.submit(Echo(0), delay=FAR)
        ids = queue.submit_many([Echo(n) for n in range(8)])
        for _ in ids:
            run_one(queue)
        before = everything(queue)
        queue.compact()
    assert len(read_facts(folder)) == 1 + 4
    for _ in range(2):
        with TaskQueue.open(folder, retain=3) as queue:
            assert everything(queue) == before
            assert queue.status(first) is TaskStatus.PENDING
            assert [queue.wait_for_result(task_id, 0) for task_id in ids[5:]] == [5, 6, 7]
            for task_id in ids[:5]:
                with pytest.raises(ResultExpired):
                    queue.wait_for_result(task_id, 0)
            prefix = ids[0].split("-")[0]
            for never in (f"{prefix}-999", "000000000000-1", "x"):
                with pytest.raises(UnknownTask) as caught:
                    queue.wait_for_result(never, 0)
                assert type(caught.value) is UnknownTask
            queue.compact()


def test_retain_less_than_before(folder: Path) -> None:
    """A compacted journal that is opened with a smaller `retain` keeps no more than that."""
    with TaskQueue.open(folder) as queue:
        ids = queue.submit_many([Echo(n) for n in range(6)])
        for _ in ids:
            run_one(queue)
        queue.compact()
    with TaskQueue.open(folder, retain=2) as queue:
        assert [record.id for record in queue.registry.records()] == ids[4:]
        queue.compact()
    assert len(read_facts(folder)) == 1 + 2
    with TaskQueue.open(folder) as queue:
        with pytest.raises(ResultExpired):
            queue.wait_for_result(ids[0], 0)
        assert queue.wait_for_result(ids[5], 0) == 5


def test_retain_seconds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What finished longer ago is kept no more, and known to have expired."""
    time = [facts.now()]
    monkeypatch.setattr(facts, "now", lambda: time[0])
    with TaskQueue.open(folder, retain_seconds=60.0) as queue:
        ids = queue.submit_many([Echo(n) for n in range(4)])
        for seconds in (0, 50, 50, 50):
            time[0] += seconds * 10**9
            run_one(queue)
        before = everything(queue)
        assert len(before["records"]) == 2
        queue.compact()
    assert len(read_facts(folder)) == 1 + 2
    with TaskQueue.open(folder, retain_seconds=60.0) as queue:
        assert everything(queue) == before
        assert queue.wait_for_result(ids[2], 0) == 2
        for task_id in ids[:2]:
            with pytest.raises(ResultExpired):
                queue.wait_for_result(task_id, 0)


def test_retain_goes_by_when_tasks_finished(folder: Path) -> None:
    """The order of the lines in a compacted journal does not say which result expires first."""
    with TaskQueue.open(folder, retain=2) as queue:
        low = queue.submit(Echo(1), priority=-1)
        high = queue.submit(Echo(2), priority=1)
        run_one(queue)
        run_one(queue)
        queue.compact()
        last = queue.submit(Echo(3))
        run_one(queue)
        assert [record.id for record in queue.registry.records()] == [low, last]
        before = everything(queue)
        queue.compact()
    with TaskQueue.open(folder, retain=2) as queue:
        assert everything(queue) == before
        with pytest.raises(ResultExpired):
            queue.wait_for_result(high, 0)


def test_a_failed_task_can_be_revived_after_any_compaction(folder: Path) -> None:
    """What the queue still knows, its journal does: a revival survives any compaction."""
    with TaskQueue.open(folder, retain=2) as queue:
        ids = queue.submit_many([Fail(), Echo(1), Echo(2)])
        for _ in ids[:2]:
            run_one(queue)
        queue.compact()
        queue.revive(ids[0])
        queue.compact()
        run_one(queue)
    with TaskQueue.open(folder, retain=2) as queue:
        assert queue.recovery is not None
        assert queue.recovery.ignored == 0
        assert queue.status(ids[0]) in (TaskStatus.PENDING, TaskStatus.FAILED)
