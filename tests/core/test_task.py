"""What a task sees of itself while it runs, and how requests to stop reach it."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from core_tasks import LIMIT, Add, Do

from taskqueue_edu.errors import TaskCancelled, TaskReleased, WorkerCrash
from taskqueue_edu.executor import run_task
from taskqueue_edu.task import RunningTask, Task, TaskId, TaskStatus, current_task


def make_run(task: Any = None) -> RunningTask:
    return RunningTask("t-1", task, 1, "worker-1")


class Nap:
    """A sleep in a thread of its own, that says how it ended."""

    def __init__(self, run: RunningTask, seconds: float) -> None:
        self.run = run
        self.seconds = seconds
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._sleep, daemon=True)
        self.thread.start()

    def _sleep(self) -> None:
        try:
            self.run.sleep(self.seconds)
        except TaskCancelled as error:
            self.error = error

    def finish(self) -> BaseException | None:
        self.thread.join(LIMIT / 2)
        assert not self.thread.is_alive(), "the sleep goes on"
        return self.error


@pytest.fixture
def asleep(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Released each time that a task goes to sleep."""
    count = threading.Semaphore(0)

    class Gate:
        def __init__(self) -> None:
            self._lock = threading.Lock()
            self.release = self._lock.release

        def acquire(self, timeout: float = -1) -> bool:
            if timeout >= 0:
                count.release()
            return self._lock.acquire(timeout=timeout)

    fake = SimpleNamespace(Lock=Gate, TIMEOUT_MAX=threading.TIMEOUT_MAX)
    monkeypatch.setattr("taskqueue_edu.task.threading", fake)
    return count


def test_the_shape_makes_a_task() -> None:
    """Whatever has execute() is a Task, with no base class; nothing else is."""
    assert isinstance(Add(1, 2), Task)
    assert isinstance(Do(), Task)
    assert not isinstance(object(), Task)


def test_an_id_is_a_str() -> None:
    """A TaskId with a type parameter is the text itself, and equal to it."""
    assert TaskId[int]("a-1") == "a-1"
    assert isinstance(TaskId[int]("a-1"), str)


def test_only_pending_and_running_are_not_finished() -> None:
    """A status is finished when nothing more happens to the task by itself."""
    unfinished = [status for status in TaskStatus if not status.finished]
    assert unfinished == [TaskStatus.PENDING, TaskStatus.RUNNING]


def test_outside_a_queue_the_current_task_is_detached() -> None:
    """A task can be tested by calling execute(): it sees a run that nobody stops."""
    run = current_task()
    assert (run.id, run.attempt, run.cancelled, run.released) == ("", 1, False, False)
    run.progress(1, 2)
    run.checkpoint()
    run.sleep(0)
    run.sleep(-1)


def test_a_task_sees_its_own_run_and_nobody_elses() -> None:
    """current_task() inside execute() is the claimed run, and detached again afterwards."""
    run = make_run(Do(current_task))
    assert run_task(run) == ("succeeded", run)
    assert current_task().id == ""


def test_nested_runs_are_told_apart() -> None:
    """A task that runs another by hand sees its own run again when that has ended."""
    inner = make_run(Do(current_task))

    def outer_body() -> list[RunningTask]:
        return [run_task(inner)[1], current_task()]

    outer = make_run(Do(outer_body))
    assert run_task(outer)[1] == [inner, outer]


def test_asyncio_inside_a_task_sees_the_run() -> None:
    """asyncio.run and asyncio.to_thread carry the run along; a bare thread does not."""

    async def ask() -> tuple[str, str]:
        return current_task().id, await asyncio.to_thread(lambda: current_task().id)

    bare: list[str] = []

    def body() -> tuple[str, str]:
        thread = threading.Thread(target=lambda: bare.append(current_task().id))
        thread.start()
        thread.join()
        return asyncio.run(ask())

    assert run_task(make_run(Do(body))) == ("succeeded", ("t-1", "t-1"))
    assert bare == [""]


def test_progress_is_kept_and_is_a_checkpoint() -> None:
    """progress() notes how far the task is, and raises if the task was asked to stop."""
    run = make_run()
    run.progress(3, 10)
    run.request_cancel("enough")
    with pytest.raises(TaskCancelled, match="enough"):
        run.progress(4, 10)
    assert (run.done, run.total) == (4, 10)


def test_a_request_ends_a_sleep_at_once(asleep: threading.Semaphore) -> None:
    """A sleeping task that is asked to stop wakes up and raises, however long the sleep."""
    run = make_run()
    nap = Nap(run, 1e9)
    assert asleep.acquire(timeout=LIMIT)
    run.request_cancel("wake up")
    assert isinstance(nap.finish(), TaskCancelled)


def test_a_request_wakes_every_thread_of_the_task(asleep: threading.Semaphore) -> None:
    """Several threads of one task may sleep at a time, and a request ends all these sleeps."""
    run = make_run()
    naps = [Nap(run, 1e9) for _ in range(3)]
    for _ in naps:
        assert asleep.acquire(timeout=LIMIT)
    run.request_cancel("wake up")
    assert all(isinstance(nap.finish(), TaskCancelled) for nap in naps)


def test_one_sleep_that_ends_leaves_the_others_wakeable(asleep: threading.Semaphore) -> None:
    """A sleep that ends by itself takes only its own thread off the list of sleepers."""
    run = make_run()
    long = Nap(run, 1e9)
    assert asleep.acquire(timeout=LIMIT)
    assert Nap(run, 0).finish() is None
    run.request_cancel("wake up")
    assert isinstance(long.finish(), TaskCancelled)


def test_a_request_before_the_sleep_is_seen_by_it() -> None:
    """A task that was asked to stop already does not fall asleep."""
    run = make_run()
    run.request_cancel("too late to sleep")
    with pytest.raises(TaskCancelled):
        run.sleep(1e9)


def test_the_first_request_stays() -> None:
    """A second request of the same kind changes nothing, and says so."""
    run = make_run()
    assert run.request(TaskCancelled("first"))
    assert not run.request(TaskCancelled("second"))
    assert run.unwanted == "first"


@pytest.mark.parametrize("first", [TaskReleased("its worker stops"), WorkerCrash("crash")])
def test_cancelling_outranks_other_requests(first: BaseException) -> None:
    """A client's cancel is not lost behind a request to give the task back, or to crash."""
    run = make_run()
    run.request(first)
    assert run.unwanted is None
    run.request_cancel("not wanted any more")
    assert run.unwanted == "not wanted any more"
    assert not run.released
    with pytest.raises(TaskCancelled, match="not wanted"):
        run.checkpoint()
    assert not run.request(first)
    assert run.unwanted == "not wanted any more"


def test_a_crash_is_no_wish_to_stop() -> None:
    """A task that asks `cancelled` must not stop early because a crash was injected into it."""
    run = make_run()
    assert run.request(WorkerCrash("crash"))
    assert not run.cancelled
    with pytest.raises(WorkerCrash):
        run.checkpoint()


def test_answers_to_requests() -> None:
    """A checkpoint that raises ends the run as cancelled or released, as it was asked."""
    cancelled, released = make_run(), make_run()
    for run in (cancelled, released):
        run.task = Do(run.checkpoint)
    cancelled.request_cancel("no")
    released.request_release("later")
    assert run_task(cancelled) == ("cancelled", "no")
    assert run_task(released) == ("released", "later")


def test_a_task_may_finish_in_spite_of_a_request() -> None:
    """Cancelling is a request: a task that does not answer it keeps its result."""
    run = make_run(Do(lambda: 5))
    run.request_cancel("no")
    assert run_task(run) == ("succeeded", 5)


def test_nobody_asked() -> None:
    """A task that raises TaskCancelled by itself has failed."""

    def give_up() -> None:
        raise TaskCancelled("my own idea")

    kind, failure = run_task(make_run(Do(give_up)))
    assert kind == "failed"
    assert failure.message == "my own idea"


def test_a_crash_is_the_only_exception_that_leaves() -> None:
    """run_task raises an injected WorkerCrash, and turns everything else into an outcome."""
    run = make_run()
    run.task = Do(run.checkpoint)
    run.request(WorkerCrash("crash"))
    with pytest.raises(WorkerCrash):
        run_task(run)
    assert current_task().id == ""
