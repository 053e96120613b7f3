"""What the next process does with what a dead one left."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from durability.jobs import Echo, everything, run_one
from durability.tally import tried
from taskqueue_edu import TaskQueue, TaskStatus, WorkerPool
from taskqueue_edu.catalogue import catalogue
from taskqueue_edu.errors import TaskDead, UnknownTaskType


def die(queue: TaskQueue, folder: Path, target: Path) -> None:
    """Leave in `target` what the process would leave that dies now, and close the queue."""
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("bell", "lock"))
    queue.close()


@contextlib.contextmanager
def without_type(name: str) -> Iterator[None]:
    """Take a type out of the catalogue, as in a process that did not import its module."""
    entry = catalogue._by_name.pop(name)
    try:
        yield
    finally:
        catalogue._by_name[name] = entry


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("limit", [0, 1, 3])
def test_a_task_is_not_recovered_for_ever(tmp_path: Path, limit: int, compact: bool) -> None:
    """A task that was running at `max_recoveries` deaths is dead at the next, with the reason."""
    folder = tmp_path / "0"
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(Echo(1))
        other = queue.submit(Echo(2), priority=-1)
    for death in range(1, limit + 2):
        queue = TaskQueue.open(folder, max_recoveries=limit)
        run = queue.dispatcher.claim("worker-1")
        assert run is not None
        assert (run.id, run.attempt) == (task_id, death)
        if compact:
            queue.compact()
        die(queue, folder, tmp_path / str(death))
        folder = tmp_path / str(death)
        tried("deaths of a process")
        with TaskQueue.open(folder, max_recoveries=limit) as queue:
            record = queue.registry.get(task_id)
            assert queue.recovery is not None
            assert record.attempt == death
            if death <= limit:
                assert (record.status, record.recoveries) == (TaskStatus.PENDING, death)
                assert (queue.recovery.recovered, queue.recovery.dead) == (1, 0)
            else:
                assert (queue.recovery.recovered, queue.recovery.dead) == (0, 1)
            assert not queue.recovery.damaged
    with TaskQueue.open(folder, max_recoveries=limit) as queue:
        assert queue.status(task_id) is TaskStatus.DEAD
        assert queue.recovery is not None
        assert (queue.recovery.recovered, queue.recovery.dead) == (0, 0)
        with pytest.raises(TaskDead, match="the process that ran it died") as caught:
            queue.wait_for_result(task_id, 0)
        assert f"given back {limit} times" in str(caught.value)
        assert "revive" in caught.value.hint
        assert run_one(queue) == other  # a dead task holds nobody up
        queue.revive(task_id)
        record = queue.registry.get(task_id)
        assert (record.status, record.recoveries, record.attempt) == (TaskStatus.PENDING, 0, 0)
        assert run_one(queue) == task_id
        assert queue.wait_for_result(task_id, 0) == 1


def test_several_tasks_that_were_running(folder: Path, tmp_path: Path) -> None:
    """All that ran when the process died are recovered; all others are as they were."""
    queue = TaskQueue.open(folder)
    ids = queue.submit_many([Echo(n) for n in range(6)])
    run_one(queue)
    for _ in range(3):
        assert queue.dispatcher.claim("w") is not None
    die(queue, folder, tmp_path / "died")
    with TaskQueue.open(tmp_path / "died") as queue, WorkerPool(2) as pool:
        assert queue.recovery is not None
        assert queue.recovery.recovered == 3
        assert any("3 tasks" in line or ": 3" in line for line in queue.recovery.lines())
        assert [queue.registry.get(i).recoveries for i in ids] == [0, 1, 1, 1, 0, 0]
        pool.start_processing(queue)
        assert [queue.wait_for_result(i, 20) for i in ids] == list(range(6))
        assert queue.registry.totals()["succeeded"] == 6


@pytest.mark.parametrize("compact", [False, True])
def test_old_results_are_there_at_once(folder: Path, compact: bool) -> None:
    """A result of an earlier process needs no worker and no waiting, however often it is opened."""
    with TaskQueue.open(folder) as queue:
        ids = queue.submit_many([Echo(n) for n in range(5)])
        for _ in ids:
            run_one(queue)
        if compact:
            queue.compact()
    for _ in range(3):
        with TaskQueue.open(folder) as queue:
            assert [queue.wait_for_result(i, 0) for i in ids] == list(range(5))
            assert [queue.future(i).result(0) for i in ids] == list(range(5))


@pytest.mark.parametrize("compact", [False, True])
def test_results_of_a_type_that_is_not_known(folder: Path, compact: bool) -> None:
    """They are kept as they are, asking for one names the type, and it is back with the type."""
    with TaskQueue.open(folder) as queue:
        done, left = queue.submit(Echo(41)), queue.submit(Echo(42), priority=-1)
        run_one(queue)
        before = everything(queue)
    with without_type("durable-echo"):
        for _ in range(2):
            with TaskQueue.open(folder) as queue:
                assert everything(queue) == before
                assert queue.registry.get(done).value == b"41"
                for ask in (queue.wait_for_result, queue.future):
                    with pytest.raises(UnknownTaskType, match="durable-echo") as caught:
                        ask(done) if ask == queue.wait_for_result else queue.future(done).result(0)
                    assert "--import" in caught.value.hint
                assert queue.recovery is not None
                assert queue.recovery.unknown_types == {"durable-echo": 1}
                assert queue.recovery.unknown_results == {"durable-echo": 1}
                assert any("durable-echo" in line for line in queue.recovery.lines())
                assert not queue.recovery.damaged
                if compact:
                    queue.compact()
    with TaskQueue.open(folder) as queue:
        assert everything(queue) == before
        assert queue.wait_for_result(done, 0) == 41
        assert run_one(queue) == left
        assert queue.wait_for_result(left, 0) == 42
