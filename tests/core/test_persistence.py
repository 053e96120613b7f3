"""A queue in a folder: what the next process finds, and what it does with it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from core_tasks import (
    LIMIT,
    ODD,
    Add,
    Append,
    Do,
    Fail,
    Odd,
    ReturnsLambda,
    ReturnsNothing,
    run_one,
)

from taskqueue_edu.catalogue import catalogue, task_type
from taskqueue_edu.errors import (
    InvalidTask,
    JournalDamaged,
    QueueClosed,
    ResultExpired,
    StoreLocked,
    TaskCancelled,
    TaskDead,
    TaskFailed,
    UnknownTask,
)
from taskqueue_edu.journal import read_facts
from taskqueue_edu.journal.lines import seal
from taskqueue_edu.pool import WorkerPool
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.task import TaskStatus, current_task

InTime = Callable[[Callable[[], object]], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


@task_type("persist-sleeper")
@dataclass(frozen=True)
class Sleeper:
    def execute(self) -> None:
        BEGAN.set()
        current_task().sleep(LIMIT)


@task_type("persist-stubborn")
@dataclass(frozen=True)
class Stubborn:
    def execute(self) -> str:
        BEGAN.set()
        assert GO.wait(LIMIT)
        return "let go"


BEGAN = threading.Event()
GO = threading.Event()


@pytest.fixture(autouse=True)
def fresh_events() -> Iterator[None]:
    BEGAN.clear()
    GO.clear()
    yield
    GO.set()


@contextlib.contextmanager
def without_type(name: str) -> Iterator[None]:
    """Take a type out of the catalogue, as in a process that did not import its module."""
    entry = catalogue._by_name.pop(name)
    try:
        yield
    finally:
        catalogue._by_name[name] = entry


# -- the next process


@pytest.mark.parametrize("sync", ["process", "interval", "always"])
def test_results_are_there_when_it_is_opened_again(folder: Path, sync: str) -> None:
    """Every kind of end can be read at once, without a worker, and equal to before."""
    with TaskQueue.open(folder, sync=sync) as queue:
        good, bad, gone = queue.submit_many([Add(1, 2), Fail("no"), Add(5, 5)])
        dead = queue.submit(Add(7, 7), priority=9)
        for _ in range(4):
            run = queue.dispatcher.claim("me")
            assert run is not None
            assert run.id == dead
            queue.dispatcher.lose(run, "the lights went out")
        queue.cancel(gone, "not needed")
        run_one(queue)
        run_one(queue)
        before = [(r.id, r.status, r.attempt, r.reason) for r in queue.registry.records()]
    with TaskQueue.open(folder) as queue:
        after = [(r.id, r.status, r.attempt, r.reason) for r in queue.registry.records()]
        assert after == before
        assert queue.wait_for_result(good, 0) == 3
        assert queue.future(good).result(0) == 3
        with pytest.raises(TaskFailed, match="no") as failed:
            queue.wait_for_result(bad, 0)
        assert failed.value.exception_type == "LookupError"
        assert "in execute" in failed.value.__notes__[0]
        with pytest.raises(TaskCancelled, match="not needed"):
            queue.wait_for_result(gone, 0)
        with pytest.raises(TaskDead, match="lights went out"):
            queue.wait_for_result(dead, 0)


def test_pending_tasks_run_in_the_next_process(folder: Path) -> None:
    """What was left is run, in order of priority and age, and not before it is due."""
    with TaskQueue.open(folder) as queue:
        ids = [queue.submit(Add(n, 0), priority=p) for n, p in ((1, 0), (2, 5), (3, 0))]
        late = queue.submit(Add(4, 0), delay=1000)
        due = queue.registry.get(late).due
        assert queue.registry.counts()[TaskStatus.PENDING] == 4
    with TaskQueue.open(folder) as queue:
        for _ in ids:
            run_one(queue)
        order = sorted((queue.registry.get(task_id) for task_id in ids), key=lambda r: r.started)
        assert [record.id for record in order] == [ids[1], ids[0], ids[2]]
        assert queue.status(late) is TaskStatus.PENDING
        assert queue.registry.get(late).due == due
        assert [queue.wait_for_result(task_id, 0) for task_id in ids] == [1, 2, 3]


def test_ids_of_two_processes_don_t_collide(folder: Path) -> None:
    """Tasks submitted after opening again have ids of their own."""
    with TaskQueue.open(folder) as queue:
        first = queue.submit_many([Add(1, 2)] * 3)
    with TaskQueue.open(folder) as queue:
        second = queue.submit_many([Add(3, 4)] * 3)
        assert len({*first, *second}) == 6
        for _ in range(6):
            run_one(queue)
        assert [queue.wait_for_result(task_id, 0) for task_id in (*first, *second)] == [
            *[3] * 3,
            *[7] * 3,
        ]


def test_retry_policies_survive(folder: Path) -> None:
    """A task that failed once has its other attempts, by its own policy, in the next process."""
    policy = RetryPolicy(attempts=3, on=(LookupError,), delay=0.0)
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(Fail("no"), retry=policy)
        run_one(queue)
        assert queue.status(task_id) is TaskStatus.PENDING
    with TaskQueue.open(folder) as queue:
        record = queue.registry.get(task_id)
        assert record.retry == policy
        run_one(queue)
        run_one(queue)
        assert (record.status, record.attempt) == (TaskStatus.FAILED, 3)


def test_a_failed_task_can_be_revived_in_the_next_process(folder: Path, tmp_path: Path) -> None:
    """What is needed to run a failed task again stays in the journal."""
    target = tmp_path / "missing" / "file"
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(Append(str(target), "x"), retry=RetryPolicy())
        run_one(queue)
        assert queue.status(task_id) is TaskStatus.FAILED
    target.parent.mkdir()
    with TaskQueue.open(folder) as queue:
        queue.revive(task_id)
        run_one(queue)
        assert queue.wait_for_result(task_id, 0) == "x"


def test_old_results_expire(folder: Path) -> None:
    """`retain` holds for what the journal has, and expired ids stay known as such."""
    with TaskQueue.open(folder) as queue:
        ids = queue.submit_many([Add(n, 0) for n in range(4)])
        for _ in ids:
            run_one(queue)
    with TaskQueue.open(folder, retain=2) as queue:
        assert [queue.wait_for_result(task_id, 0) for task_id in ids[2:]] == [2, 3]
        with pytest.raises(ResultExpired):
            queue.wait_for_result(ids[0], 0)
        with pytest.raises(UnknownTask) as caught:
            queue.wait_for_result("never-1", 0)
        assert not isinstance(caught.value, ResultExpired)


@pytest.mark.parametrize("name", sorted(ODD))
def test_any_exception_can_be_kept(folder: Path, name: str) -> None:
    """Whatever a task raises, its names and text reach the journal, and the next process."""
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(Odd(name))
        run_one(queue)
        with pytest.raises(TaskFailed):
            queue.wait_for_result(task_id, 0)
    with TaskQueue.open(folder) as queue:
        with pytest.raises(TaskFailed) as caught:
            queue.wait_for_result(task_id, 0)
        assert caught.value.exception_type.endswith(type(ODD[name]()).__qualname__)
        assert str(caught.value)


def test_a_result_that_no_json_holds(folder: Path) -> None:
    """It is a failure with the reason, and the worker goes on."""
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(ReturnsLambda())
        other = queue.submit(Add(1, 2))
        run_one(queue)
        run_one(queue)
        with pytest.raises(TaskFailed, match="can't be kept"):
            queue.wait_for_result(task_id, 0)
        assert queue.wait_for_result(other, 0) == 3


def test_a_forgotten_return(folder: Path) -> None:
    """Where the annotation has no None, the error says that there was nothing else."""
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(ReturnsNothing())
        run_one(queue)
        with pytest.raises(TaskFailed, match="execute\\(\\) returned None"):
            queue.wait_for_result(task_id, 0)


# -- what a journal takes


@pytest.mark.parametrize("options", [{"priority": 1.5}, {"priority": True}, {"delay": "1"}])
def test_a_bad_option_never_reaches_the_journal(folder: Path, options: dict[str, Any]) -> None:
    """What the journal could not read back is refused at submit, and the folder opens again."""
    with TaskQueue.open(folder) as queue:
        with pytest.raises(InvalidTask):
            queue.submit(Add(1, 2), **options)
        queue.submit(Add(1, 2))
        size = (folder / "journal.jsonl").stat().st_size
    assert len(read_facts(folder)) == 1
    assert (folder / "journal.jsonl").stat().st_size == size
    TaskQueue.open(folder).close()


def test_an_unregistered_class_is_refused_at_submit(folder: Path) -> None:
    """InvalidTask says what to do, and nothing is recorded; a memory queue takes such a task."""
    with TaskQueue.open(folder) as queue:
        with pytest.raises(InvalidTask, match="not registered") as caught:
            queue.submit(Do())
        assert "@task_type" in caught.value.hint
        assert queue.registry.records() == []
    with TaskQueue() as memory:
        memory.submit(Do())


def test_the_callers_object_is_not_shared(folder: Path) -> None:
    """A persistent queue runs a copy: what the caller does to its object later has no effect."""

    @task_type("persist-mutable")
    @dataclass
    class Mutable:
        values: list[int]

        def execute(self) -> list[int]:
            return self.values

    values = [1, 2]
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(Mutable(values))
        values.append(3)
        run_one(queue)
        assert queue.wait_for_result(task_id, 0) == [1, 2]


# -- closing


def test_closing_gives_running_tasks_back(folder: Path) -> None:
    """A running task is released, its waiters get QueueClosed, its late result is dropped."""
    queue = TaskQueue.open(folder)
    with WorkerPool(1) as pool:
        pool.start_processing(queue)
        task_id = queue.submit(Stubborn())
        assert BEGAN.wait(LIMIT)
        future = queue.future(task_id)
        waiter_error: list[Exception] = []

        def wait() -> None:
            try:
                queue.wait_for_result(task_id, LIMIT)
            except Exception as error:
                waiter_error.append(error)

        waiter = threading.Thread(target=wait)
        waiter.start()
        queue.close()
        waiter.join(LIMIT)
        assert isinstance(waiter_error[0], QueueClosed)
        assert isinstance(future.exception(0), QueueClosed)
        GO.set()
    facts = read_facts(folder)
    assert [fact[0] for fact in facts] == ["submitted", "started", "released"]
    with TaskQueue.open(folder) as queue:
        record = queue.registry.get(task_id)
        assert (record.status, record.attempt, record.recoveries) == (TaskStatus.PENDING, 0, 0)


def test_a_start_that_meets_the_close_is_not_recorded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No task is left RUNNING in a journal that was closed, however close() and claim() meet."""
    queue = TaskQueue.open(folder)
    task_id = queue.submit(Add(1, 2))
    original = queue.registry.end

    def end(error: Any) -> None:
        # A worker that took the task before the queue was closed starts it only now.
        monkeypatch.setattr(queue.dispatcher.pending, "get", lambda: task_id)
        started.append(queue.dispatcher.claim("late"))
        original(error)

    started: list[Any] = []
    monkeypatch.setattr(queue.registry, "end", end)
    queue.close()
    assert started == [None]
    assert [fact[0] for fact in read_facts(folder)] == ["submitted"]


def test_a_cancelled_task_is_not_given_back(folder: Path) -> None:
    """A running task that a client asked to cancel ends as cancelled when the queue closes."""
    queue = TaskQueue.open(folder)
    task_id = queue.submit(Add(1, 2))
    assert queue.dispatcher.claim("me") is not None
    assert not queue.cancel(task_id, "not needed")
    queue.close()
    with TaskQueue.open(folder) as queue, pytest.raises(TaskCancelled, match="not needed"):
        queue.wait_for_result(task_id, 0)


def test_whoever_joins_a_queue_that_closes_is_told(folder: Path) -> None:
    """join() raises QueueClosed if tasks are left that will not end in this process."""
    queue = TaskQueue.open(folder)
    queue.submit(Add(1, 2))
    errors: list[Exception] = []

    def join() -> None:
        try:
            queue.join(LIMIT)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=join)
    thread.start()
    queue.close()
    thread.join(LIMIT)
    assert isinstance(errors[0], QueueClosed)
    with pytest.raises(QueueClosed):
        queue.join(0)


def test_a_closed_queue_says_so(folder: Path) -> None:
    """After close() every change raises QueueClosed; what had ended can still be read."""
    queue = TaskQueue.open(folder)
    done, bad, left = queue.submit_many([Add(1, 2), Fail("no"), Add(3, 4)])
    run_one(queue)
    run_one(queue)
    queue.close()
    queue.close()
    assert queue.wait_for_result(done, 0) == 3
    for call in (
        lambda: queue.submit(Add(1, 2)),
        lambda: queue.cancel(left),
        lambda: queue.revive(bad),
        lambda: queue.wait_for_result(left),
        lambda: queue.wait_for_result(left, 0),
    ):
        with pytest.raises(QueueClosed) as caught:
            call()
        assert "open" in caught.value.hint


def test_with_leaves_what_cannot_run(folder: Path) -> None:
    """Leaving the block drains what can run and keeps the rest for the next time."""
    with TaskQueue.open(folder) as queue, WorkerPool(2) as pool:
        pool.start_processing(queue)
        ids = queue.submit_many([Add(n, n) for n in range(10)])
        late = queue.submit(Add(1, 1), delay=1000)
    with TaskQueue.open(folder) as queue:
        assert [queue.wait_for_result(task_id, 0) for task_id in ids] == [2 * n for n in range(10)]
        assert queue.status(late) is TaskStatus.PENDING


def test_an_exception_in_the_block_gives_back(folder: Path) -> None:
    """Leaving by an exception stops at once: running and pending tasks stay for the next time."""
    ids: list[str] = []

    def block() -> None:
        with TaskQueue.open(folder) as queue, WorkerPool(1) as pool:
            pool.start_processing(queue)
            ids.extend(queue.submit_many([Sleeper(), Add(1, 2)]))
            assert BEGAN.wait(LIMIT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()
    with TaskQueue.open(folder) as queue:
        assert [queue.status(task_id) for task_id in ids] == [TaskStatus.PENDING] * 2


# -- opening


def test_a_folder_is_opened_once(folder: Path) -> None:
    """A second open() says StoreLocked, by this process, and how to go on; close() frees it."""
    queue = TaskQueue.open(folder)
    with pytest.raises(StoreLocked, match="already open in this process") as caught:
        TaskQueue.open(folder)
    assert "queue.close()" in caught.value.hint
    queue.close()
    TaskQueue.open(folder).close()


@pytest.mark.parametrize(
    "options", [{"maxsize": -1}, {"no_such_option": 1}, {"store": None}, {"sync": "never"}]
)
def test_an_open_that_fails_leaves_nothing_open(folder: Path, options: dict[str, Any]) -> None:
    """A wrong option is an error, and the folder is free again at once."""
    with pytest.raises((TypeError, ValueError)):
        TaskQueue.open(folder, **options)
    TaskQueue.open(folder).close()


def test_a_line_that_can_t_be_read_leaves_nothing_open(folder: Path) -> None:
    """JournalDamaged on opening gives the folder up: it can be looked at, and opened again."""
    with TaskQueue.open(folder) as queue:
        queue.submit_many([Add(1, 2)] * 3)
    path = folder / "journal.jsonl"
    data = path.read_bytes()
    path.write_bytes(data + seal(b'{"fact":"vanished","seq":4,"at":1,"id":"a-1"}'))
    for _ in range(2):
        with pytest.raises(JournalDamaged, match="vanished") as caught:
            TaskQueue.open(folder)
        assert "--repair" in caught.value.hint
    path.write_bytes(data)
    TaskQueue.open(folder).close()


def test_a_damaged_journal_is_repaired(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Damage costs the tasks that it hit; the report and one warning say so, only once."""
    with TaskQueue.open(folder) as queue:
        ids = queue.submit_many([Add(n, 0) for n in range(3)])
        run_one(queue)
        assert queue.recovery is not None
        assert not queue.recovery.damaged
        assert queue.recovery.lines() == []
    path = folder / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    bad = lines[2].replace(b'"left":1', b'"left":7')
    assert bad != lines[2]
    path.write_bytes(b"".join([*lines[:2], bad, *lines[3:]]))
    for opening in range(2):
        caplog.clear()
        with TaskQueue.open(folder) as queue:
            assert queue.wait_for_result(ids[0], 0) == 0
            assert queue.status(ids[2]) is TaskStatus.PENDING
            with pytest.raises(UnknownTask):
                queue.status(ids[1])
            assert queue.recovery is not None
            assert queue.recovery.damaged is not bool(opening)
            assert len(queue.recovery.quarantined) == 1 - opening
        assert len(caplog.records) == 1 - opening
    (piece,) = (folder / "quarantine.jsonl").read_text().splitlines()
    assert json.loads(piece) == {
        "source": "journal.jsonl",
        "offset": len(lines[0]) + len(lines[1]),
        "reason": "the checksum doesn't match",
        "data": bad.decode().rstrip("\n"),
    }


# -- types that this process doesn't know


def test_unknown_types_are_parked(folder: Path, in_time: InTime) -> None:
    """Tasks of an unknown type are counted, left alone, and hold up nobody."""
    with TaskQueue.open(folder, max_recoveries=0) as queue:
        unknown = queue.submit_many([Sleeper(), Sleeper()])
        delayed = queue.submit(Sleeper(), delay=1000)
        known = queue.submit(Add(1, 2))

    def block() -> None:
        with TaskQueue.open(folder, maxsize=2) as queue, WorkerPool(1) as pool:
            assert queue.unknown_types == {"persist-sleeper": 3}
            pool.start_processing(queue)
            assert queue.wait_for_result(known, LIMIT) == 3
            queue.join(LIMIT)
            queue.submit_many([Add(1, 2)] * 5)
        statuses = {queue.status(task_id) for task_id in (*unknown, delayed)}
        assert statuses == {TaskStatus.PENDING}

    with without_type("persist-sleeper"):
        in_time(block)
    queue = TaskQueue.open(folder)
    assert queue.unknown_types == {}
    run = queue.dispatcher.claim("me")
    queue.close()
    assert run is not None
    assert run.id == unknown[0]


def test_a_parked_task_can_be_cancelled(folder: Path) -> None:
    """Cancelling it needs no type, and gives back no place that it never took."""
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(Sleeper())
    with without_type("persist-sleeper"), TaskQueue.open(folder, maxsize=1) as queue:
        assert queue.registry._ledger.waiting() == 0
        assert queue.cancel(task_id)
        assert queue.registry._ledger.waiting() == 0
        queue.submit(Add(1, 2), timeout=0)


def test_an_unknown_type_that_was_running_is_recovered(folder: Path) -> None:
    """That its process died is recorded although nobody here can run it; then it waits."""
    crash(folder, "queue.submit(Sleeper()); queue.dispatcher.claim('w')")
    with without_type("persist-sleeper"):
        with TaskQueue.open(folder) as queue:
            (record,) = queue.registry.records()
            assert (record.status, record.recoveries) == (TaskStatus.PENDING, 1)
            queue.join(0)
        with TaskQueue.open(folder) as queue:
            (record,) = queue.registry.records()
            assert record.recoveries == 1
    queue = TaskQueue.open(folder)
    assert queue.dispatcher.claim("me") is not None
    queue.close()


def test_reviving_an_unknown_type_fails_clearly(folder: Path) -> None:
    """A failed task of an unknown type that is put back fails again, and says what is missing."""
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(Fail("no"))
        run_one(queue)
    with without_type("core-fail"), TaskQueue.open(folder) as queue, WorkerPool(1) as pool:
        pool.start_processing(queue)
        queue.revive(task_id)
        with pytest.raises(TaskFailed, match="no task type 'core-fail'") as caught:
            queue.wait_for_result(task_id, LIMIT)
        assert "--import" in str(caught.value)


# -- kill -9


def crash(folder: Path, body: str) -> str:
    """Run code on a queue in another process, which then kills itself; return what it printed."""
    source = (
        "import os, signal, sys\n"
        f"sys.path.insert(0, {os.fspath(Path(__file__).parent)!r})\n"
        "from core_tasks import *\n"
        "from test_persistence import *\n"
        f"queue = TaskQueue.open({os.fspath(folder)!r})\n"
        f"{body}\n"
        "sys.stdout.flush()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done.stdout


@pytest.mark.slow
def test_what_was_acknowledged_survives_kill_9(folder: Path) -> None:
    """Results, pending tasks and cancels are there; what ran is recovered, and counted as such."""
    out = crash(
        folder,
        "ids = queue.submit_many([Add(n, n) for n in range(6)])\n"
        "run_one(queue); run_one(queue)\n"
        "queue.cancel(ids[5])\n"
        "queue.dispatcher.claim('w')\n"
        "print(' '.join(ids))",
    )
    ids = out.split()
    with TaskQueue.open(folder) as queue:
        assert [queue.status(task_id) for task_id in ids] == [
            *[TaskStatus.SUCCEEDED] * 2,
            *[TaskStatus.PENDING] * 3,
            TaskStatus.CANCELLED,
        ]
        assert [queue.registry.get(task_id).recoveries for task_id in ids] == [0, 0, 1, 0, 0, 0]
        for _ in range(3):
            run_one(queue)
        assert [queue.wait_for_result(task_id, 0) for task_id in ids[:5]] == [0, 2, 4, 6, 8]


@pytest.mark.slow
def test_a_task_that_kills_its_process_is_dead_in_the_end(folder: Path) -> None:
    """After max_recoveries processes have died of it, a task is not tried again, and says why."""
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(Add(1, 2))
    for expected in (1, 2):
        crash(folder, "queue.dispatcher.claim('w')")
        with TaskQueue.open(folder, max_recoveries=2) as queue:
            assert queue.registry.get(task_id).recoveries == expected
    crash(folder, "queue.dispatcher.claim('w')")
    with TaskQueue.open(folder, max_recoveries=2) as queue:
        with pytest.raises(TaskDead, match="process that ran it died") as caught:
            queue.wait_for_result(task_id, 0)
        assert "revive" in caught.value.hint
        queue.revive(task_id)
        run_one(queue)
        assert queue.wait_for_result(task_id, 0) == 3


@pytest.mark.slow
def test_killed_while_it_works(folder: Path, tmp_path: Path) -> None:
    """A process that is killed in the middle of its work leaves each task ended or still to do."""
    log = tmp_path / "log"
    source = (
        "import sys\n"
        f"sys.path.insert(0, {os.fspath(Path(__file__).parent)!r})\n"
        "from core_tasks import *\n"
        "from taskqueue_edu import WorkerPool\n"
        f"queue, pool = TaskQueue.open({os.fspath(folder)!r}), WorkerPool(2)\n"
        "pool.start_processing(queue)\n"
        "for n in range(100_000):\n"
        f"    print(queue.submit(Append({os.fspath(log)!r}, str(n))), flush=True)\n"
    )
    ids: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.endswith("\n"):
                ids.append(line.strip())
            if len(ids) == 300:
                child.kill()
                break
    with TaskQueue.open(folder, max_recoveries=5) as queue, WorkerPool(2) as pool:
        before = {r.id: r.status for r in queue.registry.records()}
        assert set(ids) <= set(before)
        assert TaskStatus.RUNNING not in before.values()
        pool.start_processing(queue)
        queue.join(LIMIT)
        for task_id in ids:
            queue.wait_for_result(task_id, 0)
    lines = log.read_text().split()
    assert set(map(str, range(300))) <= set(lines)
    # At least once: a task may have written its line twice, but only one that was running then.
    assert len(lines) - len(set(lines)) <= 2


def test_time_goes_on_between_processes(folder: Path) -> None:
    """A due time is wall time: a delay that passed while nobody worked has passed."""
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(Add(1, 2), delay=0.01)
        due = queue.registry.get(task_id).due
    assert due is not None
    while time.time() < due:
        threading.Event().wait(due - time.time())
    with TaskQueue.open(folder) as queue:
        run_one(queue)
        assert queue.wait_for_result(task_id, 0) == 3
