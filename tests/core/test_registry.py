"""The one place where something happens to a task: checked, stored, applied, published."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from core_tasks import LIMIT, Do

from taskqueue_edu import facts
from taskqueue_edu.errors import (
    IllegalTransition,
    QueueClosed,
    ResultExpired,
    StorageError,
    UnknownTask,
    WaitTimeout,
)
from taskqueue_edu.factlog import FactLog, size
from taskqueue_edu.facts import Failure, RawFact, Submission
from taskqueue_edu.journal import JsonStore
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.record import TaskRecord, split_id
from taskqueue_edu.registry import Registry, fold
from taskqueue_edu.state import TRANSITIONS
from taskqueue_edu.storage import MemoryStore
from taskqueue_edu.task import RunningTask, TaskStatus
from taskqueue_edu.workloads import MathTask

InTime = Callable[[Callable[[], object]], None]


class ListStore(MemoryStore):
    """Keeps facts in a list, and what it was asked to sync."""

    def __init__(self) -> None:
        self.stored: list[RawFact] = []
        self.flushed: list[int] = []
        self.synced: list[int] = []
        self.fail_append: BaseException | None = None
        self.fail_sync: BaseException | None = None

    def append(self, fact: RawFact) -> int:
        if self.fail_append is not None:
            raise self.fail_append
        self.stored.append(fact)
        return len(self.stored)

    def flush(self, position: int) -> None:
        self.flushed.append(position)

    def sync(self, position: int) -> None:
        if self.fail_sync is not None:
            raise self.fail_sync
        self.synced.append(position)


@pytest.fixture
def store() -> ListStore:
    return ListStore()


@pytest.fixture
def registry(store: ListStore) -> Registry:
    return Registry(store)


def submit(
    registry: Registry, task_id: str = "a-1", task: Any = None, **options: Any
) -> TaskRecord:
    submission = Submission("test", task or Do(), None, **options)
    record = TaskRecord.of(task_id, submission)
    registry.enter([record])
    return record


def start(registry: Registry, record: TaskRecord) -> RunningTask:
    run = registry.start(record, "worker-1")
    assert run is not None
    return run


def finish(registry: Registry, record: TaskRecord, value: Any = None) -> None:
    registry.record(facts.SUCCEEDED, record, "worker-1", value, start(registry, record))


def fail(registry: Registry, record: TaskRecord, error: BaseException) -> None:
    run = start(registry, record)
    registry.record(facts.FAILED, record, run.worker, Failure.of(error), run)


def wait_in_thread(
    registry: Registry, record: TaskRecord
) -> tuple[threading.Thread, list[BaseException | TaskStatus | None]]:
    """Wait for a task in another thread; return the thread and what comes of it."""
    seen: list[BaseException | TaskStatus | None] = []

    def wait() -> None:
        try:
            registry.wait(record, LIMIT)
            seen.append(record.status)
        except Exception as error:
            seen.append(error)

    arranged = threading.Event()
    original = registry.when_finished

    def when_finished(record: TaskRecord, call: Callable[[TaskRecord], None]) -> bool:
        try:
            return original(record, call)
        finally:
            arranged.set()

    registry.when_finished = when_finished  # type: ignore[method-assign]
    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    assert arranged.wait(LIMIT)
    del registry.when_finished  # type: ignore[method-assign]
    return thread, seen


# -- what happens


def test_a_life_in_facts(registry: Registry, store: ListStore) -> None:
    """Each fact is stored in order, with its details, and times that never go back."""
    record = submit(registry)
    run = start(registry, record)
    registry.record(facts.SUCCEEDED, record, run.worker, 15, run)
    assert [fact[0] for fact in store.stored] == ["submitted", "started", "succeeded"]
    assert [fact[4] for fact in store.stored[1:]] == [1, 15]
    times = [fact[2] for fact in store.stored]
    assert times == sorted(times)
    assert (record.status, record.value, record.attempt) == (TaskStatus.SUCCEEDED, 15, 1)
    assert record.submitted <= record.started <= record.finished


def test_an_illegal_fact_changes_nothing(registry: Registry, store: ListStore) -> None:
    """What the table does not allow is neither stored nor applied nor counted."""
    record = submit(registry)
    before = (list(store.stored), registry.counts(), registry.totals())
    with pytest.raises(IllegalTransition, match="pending can't be succeeded"):
        registry.record(facts.SUCCEEDED, record, "", 1)
    assert (store.stored, registry.counts(), registry.totals()) == before


def test_only_the_current_run_reports(registry: Registry) -> None:
    """A run that the task was taken from reports in vain, even if the task runs again."""
    record = submit(registry)
    old = start(registry, record)
    registry.record(facts.RELEASED, record, "", "stopped", old)
    new = start(registry, record)
    with pytest.raises(IllegalTransition, match="given up"):
        registry.record(facts.SUCCEEDED, record, "", "late", old)
    registry.record(facts.SUCCEEDED, record, "", "in time", new)
    assert record.value == "in time"


def test_what_runs_is_up_to_its_run(registry: Registry, store: ListStore) -> None:
    """What a client records of a running task is refused, even where the table would allow it."""
    record = submit(registry)
    run = start(registry, record)
    stored = list(store.stored)
    for kind, detail in ((facts.CANCELLED, "why"), (facts.SUCCEEDED, 1), (facts.RECOVERED, "why")):
        with pytest.raises(IllegalTransition, match="is running") as caught:
            registry.record(kind, record, "", detail)
        assert caught.value.task_id == record.id
    assert (record.status, store.stored) == (TaskStatus.RUNNING, stored)
    registry.record(facts.CANCELLED, record, "", "why", run)
    assert record.status is TaskStatus.CANCELLED


def test_a_start_makes_the_run(registry: Registry) -> None:
    """start() returns the run, with the task and the attempt, and it is known until it ends."""
    task = Do()
    record = submit(registry, task=task)
    assert registry.run_of(record.id) is None
    run = registry.start(record, "worker-7")
    assert run is not None
    assert (run.id, run.task, run.attempt, run.worker) == ("a-1", task, 1, "worker-7")
    assert registry.run_of(record.id) is run
    assert registry.runs() == [run]
    assert registry.start(record, "worker-8") is None, "it is not pending any more"
    registry.record(facts.RELEASED, record, "", "stopped", run)
    assert (registry.run_of(record.id), registry.runs()) == (None, [])


@pytest.mark.parametrize("kind", [facts.SUCCEEDED, facts.CANCELLED])
def test_what_has_ended_does_not_start(registry: Registry, store: ListStore, kind: str) -> None:
    """A start that comes after the end of its task records nothing."""
    record = submit(registry)
    if kind == facts.SUCCEEDED:
        finish(registry, record)
    else:
        registry.record(facts.CANCELLED, record, "", "why")
    stored = list(store.stored)
    assert registry.start(record, "worker-1") is None
    assert store.stored == stored
    assert registry.runs() == []


def test_starts_can_be_held_back(registry: Registry, store: ListStore) -> None:
    """While hold(True) is in force nothing starts, and nothing is recorded."""
    record = submit(registry)
    registry.hold(True)
    assert registry.start(record, "worker-1") is None
    assert len(store.stored) == 1
    assert registry.runs() == []
    registry.hold(False)
    assert registry.start(record, "worker-1") is not None


def test_nothing_starts_or_enters_once_it_is_shut(registry: Registry, store: ListStore) -> None:
    """After shut() a start is refused and a submission raises; what runs can still end."""
    waiting, running = submit(registry, "a-1"), submit(registry, "a-2")
    run = start(registry, running)
    registry.shut()
    assert registry.start(waiting, "worker-1") is None
    with pytest.raises(QueueClosed):
        submit(registry, "a-3")
    with pytest.raises(UnknownTask):
        registry.get("a-3")
    registry.record(facts.SUCCEEDED, running, "", 1, run)
    assert [fact[0] for fact in store.stored] == ["submitted"] * 2 + ["started", "succeeded"]


def test_a_run_can_be_adopted(registry: Registry, store: ListStore) -> None:
    """The run that a dead process left behind ends through the one that adopt() returns."""
    start(registry, submit(registry))
    copy = fold(store.stored)
    record = copy.get("a-1")
    assert copy.run_of(record.id) is None
    run = copy.adopt(record)
    assert (run.id, run.attempt, run.worker) == ("a-1", 1, "worker-1")
    assert copy.runs() == [run]
    copy.record(facts.RECOVERED, record, "", "it died", run)
    assert (record.status, record.recoveries) == (TaskStatus.PENDING, 1)
    assert copy.runs() == []


def test_a_release_takes_back_the_attempt(registry: Registry) -> None:
    """A task that was given back has that attempt still to come; one that was recovered has not."""
    record = submit(registry)
    registry.record(facts.RELEASED, record, "", "stopped", start(registry, record))
    assert (record.attempt, record.recoveries) == (0, 0)
    registry.record(facts.RECOVERED, record, "", "crashed", start(registry, record))
    assert (record.attempt, record.recoveries) == (1, 1)


def test_revival_starts_the_count_anew(registry: Registry) -> None:
    """A revived task has all its attempts and recoveries before it again."""
    record = submit(registry)
    registry.record(facts.RECOVERED, record, "", "crashed", start(registry, record))
    fail(registry, record, ValueError("x"))
    assert record.finished
    registry.record(facts.REVIVED, record, "", "again")
    assert (record.attempt, record.recoveries, record.finished) == (0, 0, 0)
    assert record.status is TaskStatus.PENDING


def test_counts_and_totals(registry: Registry) -> None:
    """Counts say where the kept tasks are, totals how often each fact has happened."""
    finish(registry, submit(registry, "a-1"))
    start(registry, submit(registry, "a-2"))
    submit(registry, "a-3")
    counts = {status: n for status, n in registry.counts().items() if n}
    assert counts == {TaskStatus.SUCCEEDED: 1, TaskStatus.RUNNING: 1, TaskStatus.PENDING: 1}
    totals = {kind: n for kind, n in registry.totals().items() if n}
    assert totals == {"submitted": 3, "started": 2, "succeeded": 1}
    assert [record.id for record in registry.records()] == ["a-1", "a-2", "a-3"]


# -- the log


def test_the_log_is_read_by_cursor(registry: Registry) -> None:
    """Each call gives what has happened since the last, once and in order."""
    record = submit(registry)
    first, cursor = registry.facts_since(0)
    finish(registry, record)
    second, cursor = registry.facts_since(cursor)
    nothing, last = registry.facts_since(cursor)
    assert [fact[0] for fact in (*first, *second)] == ["submitted", "started", "succeeded"]
    assert (nothing, last) == ([], cursor)


def test_a_log_that_is_cut_keeps_the_numbers(registry: Registry) -> None:
    """The log drops its oldest facts at the limit; a cursor from before gets what is left."""
    registry._ledger.log = FactLog(10, block=4)
    for n in range(1, 31):
        submit(registry, f"a-{n}")
        kept, cursor = registry.facts_since(0)
        assert cursor == n
        assert [fact[1] for fact in kept] == [f"a-{m}" for m in range(n - len(kept) + 1, n + 1)]
        assert min(n, 10) <= len(kept) < 16
        for first in range(n + 2):
            assert registry.facts_since(first) == (kept[max(first - n + len(kept), 0) :], n)


def test_the_log_gives_full_blocks_away_as_they_are(registry: Registry) -> None:
    """Reading the log copies no more than the ends of what is read, and counts what waits."""
    registry._ledger.log = FactLog(100, block=4)
    for n in range(1, 15):
        submit(registry, f"a-{n}")
    blocks, cursor, pending = registry.log_since(0)
    again, _, _ = registry.log_since(6)
    assert (cursor, pending) == (14, 14)
    assert [size(block) for block in blocks] == [4, 4, 4, 2]
    assert [size(block) for block in again] == [2, 4, 2]
    assert again[1] is blocks[2]
    assert registry.log_since(cursor) == ([], 14, 14)


def test_the_log_keeps_nothing_alive() -> None:
    """No task, result or exception outlives its record because the log mentions it."""
    registry = Registry(retain=0)

    class Thing:
        pass

    class Trouble(Exception):
        pass

    thing, error, again = Do(), Trouble("x"), Trouble("y")
    value = Thing()
    watched = [weakref.ref(x) for x in (thing, value, error, again)]
    finish(registry, submit(registry, "a-1", thing), value)
    fail(registry, submit(registry, "a-2"), error)
    record = submit(registry, "a-3")
    run = start(registry, record)
    registry.record(facts.RETRIED, record, "", (Failure.of(again), 1.0), run)
    del thing, value, error, again, record, run
    gc.collect()
    assert [ref() for ref in watched] == [None] * 4


def test_the_log_says_since_when(registry: Registry) -> None:
    """A start says when the task could run, an end of a run when it started, others 0."""
    record = submit(registry)
    run = start(registry, record)
    registry.record(facts.RETRIED, record, "", (Failure.of(ValueError("x")), 2e9), run)
    run = start(registry, record)
    registry.record(facts.RELEASED, record, "", "why", run)
    registry.record(facts.CANCELLED, record, "", "why")
    log, _ = registry.facts_since(0)
    times = [at for _, _, at, _, _ in log]
    since = [detail for *_, detail in log]
    assert [kind for kind, *_ in log][1::2] == ["started", "started", "cancelled"]
    assert since == [0, times[0], times[1], 2 * 10**18, times[3], 0]


def test_what_runs(registry: Registry) -> None:
    """The records of running tasks, also where a journal says so and the runs are elsewhere."""
    submit(registry, "a-1")
    record = submit(registry, "a-2")
    assert registry.running() == []
    start(registry, record)
    assert registry.running() == [record]
    journal = [(facts.SUBMITTED, "a-3", 1, "t", Submission("t", None, b"{}"))]
    left = fold([*journal, (facts.STARTED, "a-3", 2, "w", 1)])
    assert [record.id for record in left.running()] == ["a-3"]


# -- retention


def test_expired_and_unknown_are_told_apart() -> None:
    """An id past the retention raises ResultExpired, one that never was UnknownTask."""
    registry = Registry(retain=2)
    for n in range(1, 6):
        finish(registry, submit(registry, f"a-{n}"))
    assert [record.id for record in registry.records()] == ["a-4", "a-5"]
    for gone in ("a-1", "a-3"):
        with pytest.raises(ResultExpired) as caught:
            registry.get(gone)
        assert caught.value.task_id == gone
        assert "retain" in caught.value.hint
    for never in ("a-6", "b-1", "", "a", "a-", "a-x", "a-²", "-1"):
        with pytest.raises(UnknownTask) as unknown:
            registry.get(never)
        assert not isinstance(unknown.value, ResultExpired), never


def test_an_unfinished_task_is_never_forgotten() -> None:
    """Retention counts finished tasks only, and forgets those that finished first."""
    registry = Registry(retain=1)
    waiting = submit(registry, "a-1")
    running = submit(registry, "a-2")
    run = start(registry, running)
    for n in range(3, 8):
        finish(registry, submit(registry, f"a-{n}"))
    assert registry.get("a-1") is waiting
    registry.record(facts.SUCCEEDED, running, "", None, run)
    assert registry.get("a-2") is running
    with pytest.raises(ResultExpired):
        registry.get("a-7")


def test_a_revived_task_counts_from_its_last_end() -> None:
    """A task that was revived is forgotten by when it ended last, not by when it ended first."""
    registry = Registry(retain=2)
    record = submit(registry, "a-1")
    fail(registry, record, ValueError())
    registry.record(facts.REVIVED, record, "", "again")
    finish(registry, submit(registry, "a-2"))
    finish(registry, record)
    finish(registry, submit(registry, "a-3"))
    assert [r.id for r in registry.records()] == ["a-1", "a-3"]


def test_what_was_forgotten_is_not_revived(store: ListStore) -> None:
    """A revival that comes after the task was forgotten is refused, and changes nothing."""
    registry = Registry(store, retain=1)
    record = submit(registry, "a-1")
    fail(registry, record, ValueError())
    finish(registry, submit(registry, "a-2"))
    before = (list(store.stored), registry.counts(), registry.totals())
    with pytest.raises(ResultExpired):
        registry.record(facts.REVIVED, record, "", "again")
    assert (store.stored, registry.counts(), registry.totals()) == before
    assert record.status is TaskStatus.FAILED


def test_an_expired_id_is_never_unknown_in_between() -> None:
    """While a record is being forgotten, a reader finds it or learns that it expired."""
    registry = Registry(retain=0)
    seen: list[type[Exception]] = []

    class Peeking(dict[str, TaskRecord]):
        def pop(self, *key: Any) -> Any:
            record = super().pop(*key)
            self.look()
            return record

        def __delitem__(self, key: str) -> None:
            super().__delitem__(key)
            self.look()

        def look(self) -> None:
            try:
                registry.get("a-1")
            except UnknownTask as error:
                seen.append(type(error))

    registry._ledger.records = Peeking()
    finish(registry, submit(registry, "a-1"))
    assert seen in ([], [ResultExpired])


@pytest.mark.parametrize(
    ("task_id", "parts"),
    [("ab-12", ("ab", 12)), ("a-b-3", ("a-b", 3)), ("x", ("", 2**63)), ("a-1.5", ("a", 2**63))],
)
def test_ids_are_split(task_id: str, parts: tuple[str, int]) -> None:
    """An id is a prefix and a counted number; what is neither is later than any number."""
    assert split_id(task_id) == parts


# -- waiting


def test_what_each_fact_waits_for(
    registry: Registry, store: ListStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A submission is synced; a run's start and end are flushed; who waits for the end syncs it."""
    order: list[str] = []

    def note(name: str, position: int) -> None:
        order.append(f"{name} {position}")

    for name in ("flush", "sync"):
        monkeypatch.setattr(store, name, partial(note, name))
    record = submit(registry)
    run = start(registry, record)
    assert order == ["sync 1", "flush 2"]
    assert registry.when_finished(record, lambda r: order.append(f"wake {r.id}"))
    registry.record(facts.SUCCEEDED, record, "", 1, run)
    assert order[2:] == ["flush 3", "wake a-1"]
    registry.wait(record, 0)
    assert order[4:] == ["sync 3"]


def test_what_a_client_is_told_is_synced(registry: Registry, store: ListStore) -> None:
    """Who cancels a task, or hears that nothing is left to do, may rely on it."""
    record = submit(registry)
    registry.record(facts.CANCELLED, record, "", "not needed")
    assert store.synced == [1, 2]
    finish(registry, submit(registry, "a-2"))
    assert store.synced == [1, 2, 3]
    registry.confirm_idle()
    assert store.synced == [1, 2, 3, 5]


def test_a_wait_that_times_out_leaves_nothing(registry: Registry) -> None:
    """WaitTimeout names the task and its status, and the waiter is taken off the record."""
    record = submit(registry)
    for timeout in (0, -1, 0.001):
        with pytest.raises(WaitTimeout, match="pending after") as caught:
            registry.wait(record, timeout)
        assert caught.value.task_id == "a-1"
    assert not record.waiters
    finish(registry, record)
    registry.wait(record, 0)


def test_a_task_that_ends_at_the_last_moment_is_no_timeout(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the task has ended when the timeout is noticed, the wait succeeds."""
    record = submit(registry)

    class Late:
        """A gate whose wait times out just as the task ends."""

        def acquire(self, timeout: float | None = None) -> bool:
            if timeout is not None:
                finish(registry, record)
            return timeout is None

        def release(self) -> None:
            pass

    with monkeypatch.context() as patch:
        patch.setattr("taskqueue_edu.registry.threading.Lock", Late)
        registry.wait(record, 1.0)
    assert record.status is TaskStatus.SUCCEEDED


def test_every_waiter_is_woken_whatever_one_raises(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """A callback that raises, SystemExit included, is logged, and the next one is called."""
    record = submit(registry)
    called: list[int] = []

    def first(_: TaskRecord) -> None:
        called.append(1)
        raise SystemExit("from a callback")

    def second(_: TaskRecord) -> None:
        called.append(2)
        raise ValueError("from a callback")

    for call in (first, second, lambda _: called.append(3)):
        registry.when_finished(record, call)
    finish(registry, record)
    assert called == [1, 2, 3]
    assert len(caplog.records) == 2


def test_ctrl_c_in_a_callback_comes_through(registry: Registry) -> None:
    """A KeyboardInterrupt is raised once all the callbacks have been called."""
    record = submit(registry)
    called: list[int] = []

    def interrupted(_: TaskRecord) -> None:
        raise KeyboardInterrupt

    registry.when_finished(record, interrupted)
    registry.when_finished(record, lambda _: called.append(2))
    run = start(registry, record)
    with pytest.raises(KeyboardInterrupt):
        registry.record(facts.SUCCEEDED, record, "", 1, run)
    assert called == [2]


def test_callbacks_run_without_the_lock(registry: Registry, in_time: InTime) -> None:
    """Whoever is woken may ask the registry at once."""
    record = submit(registry)
    seen: list[Any] = []
    registry.when_finished(record, lambda r: seen.append(registry.counts()))
    registry.when_idle(lambda: seen.append(registry.records()))
    in_time(lambda: finish(registry, record))
    assert len(seen) == 2


class Deleted:
    """Asks its registry something when it is deleted."""

    def __init__(self, registry: Registry, seen: list[int]) -> None:
        self.registry, self.seen = registry, seen

    def execute(self) -> None:
        pass

    def __del__(self) -> None:
        self.seen.append(len(self.registry.records()))


def test_nothing_is_deleted_under_the_lock(in_time: InTime) -> None:
    """A task, a result or an exception may use the registry in its __del__."""
    registry = Registry(retain=1)
    seen: list[int] = []

    class Trouble(Exception):
        def __init__(self) -> None:
            self.kept = Deleted(registry, seen)

    def cancel_a_task() -> None:
        record = submit(registry, "a-1", Deleted(registry, seen))
        registry.record(facts.CANCELLED, record, "", "why")

    def forget_a_result() -> None:
        finish(registry, submit(registry, "a-2"), Deleted(registry, seen))
        finish(registry, submit(registry, "a-3"))

    def revive_and_fail_again() -> None:
        record = submit(registry, "a-4")
        fail(registry, record, Trouble())
        registry.record(facts.REVIVED, record, "", "again")
        fail(registry, record, ValueError())

    for step in (cancel_a_task, forget_a_result, revive_and_fail_again):
        in_time(step)
    gc.collect()
    assert len(seen) == 3


# -- idle


def test_idle_means_nothing_pending_and_nothing_running(registry: Registry) -> None:
    """when_idle() calls once, when the last task has ended; it says False if that is so."""
    calls: list[str] = []
    assert not registry.when_idle(lambda: calls.append("never"))
    first, second = submit(registry, "a-1"), submit(registry, "a-2")
    assert registry.when_idle(lambda: calls.append("idle"))
    finish(registry, first)
    assert calls == []
    finish(registry, second)
    finish(registry, submit(registry, "a-3"))
    assert calls == ["idle"]


def test_idle_can_leave_out_what_a_client_delayed(registry: Registry) -> None:
    """With `unable`, a delayed task counts once it is due, or while it runs."""
    far = facts.now() / 1e9 + 1000
    delayed = submit(registry, "a-1", due=far)

    def unable() -> bool:
        return False

    assert registry.when_idle(lambda: None)
    assert not registry.when_idle(lambda: None, unable)
    run = start(registry, delayed)
    assert registry.when_idle(lambda: None, unable)
    registry.record(facts.RETRIED, delayed, "", (Failure.of(ValueError()), far), run)
    assert registry.when_idle(lambda: None, unable), "a retry is waited for"
    submit(registry, "a-2", due=1.0)
    assert registry.when_idle(lambda: None, unable), "it is due"


def test_idle_can_leave_out_what_is_pending(registry: Registry) -> None:
    """While unable() is true only running tasks count; recheck_idle() looks again."""
    submit(registry, "a-1")
    running = submit(registry, "a-2")
    run = start(registry, running)
    paused, calls = False, []
    assert registry.when_idle(lambda: calls.append(1), lambda: paused)
    registry.record(facts.SUCCEEDED, running, "", 1, run)
    assert calls == []
    paused = True
    registry.recheck_idle()
    assert calls == [1]


def test_parked_tasks_are_not_waited_for(registry: Registry) -> None:
    """A task that nobody here can run holds up neither kind of waiting, delayed or not."""
    parked = submit(registry, "a-1", due=facts.now() / 1e9 + 1000)
    registry.park(parked)
    assert not registry.when_idle(lambda: None)
    other = submit(registry, "a-2")
    for unable in (None, lambda: False):
        assert registry.when_idle(lambda: None, unable)
    finish(registry, other)
    registry.record(facts.CANCELLED, parked, "", "why")
    submit(registry, "a-3")
    assert registry.when_idle(lambda: None)


def test_an_idle_call_can_be_taken_back(registry: Registry) -> None:
    """forget_idle() removes what when_idle() arranged, and nothing else."""
    record = submit(registry)
    calls: list[str] = []
    first, second = (lambda: calls.append("first")), (lambda: calls.append("second"))
    registry.when_idle(first)
    registry.when_idle(second)
    registry.forget_idle(first)
    finish(registry, record)
    assert calls == ["second"]


# -- the end


def test_the_end_wakes_everyone(registry: Registry) -> None:
    """After end() nothing happens any more, and whoever waits gets the reason, each a fresh one."""
    record = submit(registry)
    waits = [wait_in_thread(registry, record) for _ in range(2)]
    idle, drained = threading.Event(), threading.Event()
    registry.when_idle(idle.set)
    registry.when_idle(drained.set, lambda: False)
    registry.end(QueueClosed("that is it"))
    for thread, _ in waits:
        thread.join(LIMIT)
    errors = [seen[0] for _, seen in waits]
    assert all(isinstance(error, QueueClosed) and error.task_id == "a-1" for error in errors)
    assert errors[0] is not errors[1]
    assert idle.is_set()
    assert drained.is_set()
    with pytest.raises(QueueClosed):
        start(registry, record)
    assert not registry.when_finished(record, lambda _: None)
    assert not registry.when_idle(lambda: None)
    with pytest.raises(QueueClosed):
        registry.confirm_idle()
    registry.end(StorageError("too late"))
    assert isinstance(registry.over, QueueClosed)


def test_what_had_ended_can_be_read_after_the_end(registry: Registry) -> None:
    """A finished task stays readable when nothing more can happen."""
    record = submit(registry)
    finish(registry, record, 5)
    registry.end(QueueClosed("that is it"))
    registry.wait(record, 0)
    assert record.value == 5
    registry.confirm_idle()


def test_a_store_that_breaks_ends_everything(registry: Registry, store: ListStore) -> None:
    """A failed append is raised to who tried and to all who wait; the task is as it was."""
    record = submit(registry, "a-1")
    thread, seen = wait_in_thread(registry, record)
    store.fail_append = StorageError("the disk is full")
    with pytest.raises(StorageError, match="full"):
        submit(registry, "a-2")
    thread.join(LIMIT)
    assert isinstance(seen[0], StorageError)
    assert seen[0].__cause__ is store.fail_append
    assert record.status is TaskStatus.PENDING
    with pytest.raises(UnknownTask):
        registry.get("a-2")


def test_a_sync_that_fails_ends_everything(registry: Registry, store: ListStore) -> None:
    """A result that could not be synced reaches no waiter: all get StorageError."""
    record = submit(registry)
    run = start(registry, record)
    thread, seen = wait_in_thread(registry, record)
    store.fail_sync = StorageError("no disk")
    registry.record(facts.SUCCEEDED, record, "", 5, run)
    thread.join(LIMIT)
    assert isinstance(seen[0], StorageError)
    assert isinstance(registry.over, StorageError)
    with pytest.raises(StorageError):
        registry.wait(record, 0)


def test_an_unexpected_error_of_a_store_changes_nothing(
    registry: Registry, store: ListStore
) -> None:
    """A store that raises something else has not taken the fact; the registry goes on."""
    record = submit(registry)
    store.fail_append = ZeroDivisionError("a bug in a store of one's own")
    with pytest.raises(ZeroDivisionError):
        start(registry, record)
    store.fail_append = None
    assert (record.status, registry.run_of(record.id)) == (TaskStatus.PENDING, None)
    finish(registry, record, 1)
    assert record.value == 1


# -- loading


def test_facts_fold_to_what_they_came_from(registry: Registry, store: ListStore) -> None:
    """A registry loaded from stored facts agrees with the one that recorded them."""
    finish(registry, submit(registry, "a-1"), 7)
    fail(registry, submit(registry, "a-2"), ValueError("x"))
    start(registry, submit(registry, "a-3"))
    submit(registry, "a-4", priority=3)
    copy = fold(store.stored)
    assert copy.counts() == registry.counts()
    assert copy.totals() == registry.totals()
    for before, after in zip(registry.records(), copy.records(), strict=True):
        assert (after.id, after.status, after.value) == (before.id, before.status, before.value)
        assert (after.submitted, after.finished) == (before.submitted, before.finished)
    assert copy.get("a-2").failure.message == "x"
    assert copy.get("a-4").priority == 3


def test_loading_skips_what_has_no_meaning(store: ListStore) -> None:
    """A second copy of a submission, and facts of a task that was compacted away, are skipped."""
    submission = Submission("test", None, b"{}")
    stored: Iterable[RawFact] = [
        ("started", "a-9", 1, "w", 1),
        ("submitted", "a-1", 2, "test", submission),
        ("started", "a-1", 3, "w", 1),
        ("submitted", "a-1", 4, "test", submission),
    ]
    copy = fold(stored)
    assert [(record.id, record.status) for record in copy.records()] == [
        ("a-1", TaskStatus.RUNNING)
    ]


def test_loading_keeps_to_the_retention() -> None:
    """Old results are forgotten while loading, take no memory, and are known to have expired."""

    class Value:
        pass

    class Stored(ListStore):
        def load(self) -> Iterable[RawFact]:
            while self.stored:
                yield self.stored.pop(0)

    store = Stored()
    registry = Registry(store)
    watched = []
    for n in range(1, 6):
        value = Value()
        watched.append(weakref.ref(value))
        finish(registry, submit(registry, f"a-{n}"), value)
    del registry, value
    copy = Registry(store, retain=2)
    assert copy.load() == []
    gc.collect()
    assert [ref() is not None for ref in watched] == [False] * 3 + [True] * 2
    assert [record.id for record in copy.records()] == ["a-4", "a-5"]
    with pytest.raises(ResultExpired):
        copy.get("a-1")


class Interrupted(JsonStore):
    """A store in whose `append` Ctrl-C arrives, when the fact is written already."""

    due = False

    def append(self, fact: RawFact) -> int:
        position = super().append(fact)
        if self.due:
            raise KeyboardInterrupt
        return position


def test_an_interrupted_record_ends_the_queue(tmp_path: Path) -> None:
    """When Ctrl-C comes between writing a fact and applying it, the journal is right."""
    store = Interrupted(tmp_path / "jobs")
    queue = TaskQueue(store=store)
    first = queue.submit(MathTask("sum", (1, 2)))
    store.due = True
    with pytest.raises(KeyboardInterrupt):
        queue.cancel(first)
    with pytest.raises(StorageError, match="interrupted"):
        queue.wait_for_result(first, timeout=1)
    with pytest.raises(StorageError, match="interrupted"):
        queue.submit(MathTask("sum", (1, 2)))
    queue.close()
    with TaskQueue.open(tmp_path / "jobs") as again:
        assert again.status(first) is TaskStatus.CANCELLED


def test_facts_that_contradict_each_other_are_passed_over(tmp_path: Path) -> None:
    """A journal in which a task ends twice keeps the first end, and reports the second once."""
    with TaskQueue.open(tmp_path / "jobs") as queue:
        task_id = queue.submit(MathTask("sum", (1, 2)))
        queue.cancel(task_id, "first")
        end = queue.registry.facts_since(0)[0][-1]
    store = JsonStore(tmp_path / "jobs")
    list(store.load())
    store.append((end[0], end[1], end[2], "", "again"))
    store.close()
    for _ in range(2):
        with TaskQueue.open(tmp_path / "jobs") as queue:
            assert queue.registry.get(task_id).reason == "first"
            ((fact, reason),) = queue.registry.misfits
            assert (fact[0], fact[1], fact[4]) == (facts.CANCELLED, task_id, "again")
            assert "a task that is cancelled can't be cancelled" in reason
            assert queue.recovery is not None
            assert queue.recovery.ignored == 1


def test_facts_of_unknown_tasks_are_passed_over() -> None:
    """A fact about a task that nothing submitted is a misfit, with the reason."""
    registry = fold([(facts.STARTED, "a-1", 1_000, "w", 1)])
    ((fact, reason),) = registry.misfits
    assert fact[1] == "a-1"
    assert "submitted" in reason
    assert registry.records() == []
    assert registry.totals()[facts.STARTED] == 0


@pytest.mark.parametrize(
    ("kind", "detail", "status"),
    [
        (facts.SUCCEEDED, b"15", TaskStatus.SUCCEEDED),
        (facts.FAILED, Failure(("ValueError",), "no", "text"), TaskStatus.FAILED),
        (facts.RECOVERED, "its worker died", TaskStatus.PENDING),
        (facts.DIED, "too often", TaskStatus.DEAD),
    ],
)
def test_the_end_of_a_run_whose_start_is_lost(kind: str, detail: Any, status: TaskStatus) -> None:
    """The end of a run counts although its start is missing: what has ended does not run again."""
    submission = Submission("test", None, b"{}")
    registry = fold(
        [
            (facts.SUBMITTED, "a-1", 1_000, "test", submission),
            (kind, "a-1", 3_000, "w", detail),
        ]
    )
    assert registry.misfits == []
    assert registry.get("a-1").status is status
    assert registry.counts() == {**dict.fromkeys(TaskStatus, 0), status: 1}


LOST = Failure(("ValueError",), "no", "text")
DETAILS: dict[str, Any] = {
    **dict.fromkeys(facts.KINDS, "reason"),
    facts.STARTED: 1,
    facts.SUCCEEDED: b"15",
    facts.FAILED: LOST,
    facts.RETRIED: (LOST, 1.0),
}
LIVES: dict[TaskStatus, list[str]] = {
    TaskStatus.PENDING: [],
    TaskStatus.RUNNING: [facts.STARTED],
    TaskStatus.SUCCEEDED: [facts.STARTED, facts.SUCCEEDED],
    TaskStatus.FAILED: [facts.STARTED, facts.FAILED],
    TaskStatus.CANCELLED: [facts.CANCELLED],
    TaskStatus.DEAD: [facts.STARTED, facts.DIED],
}


@pytest.mark.parametrize("kind", facts.KINDS[1:])
@pytest.mark.parametrize("status", LIVES)
def test_each_step_of_a_stored_life_is_checked(status: TaskStatus, kind: str) -> None:
    """Of the facts in a store, those count that the table of transitions has, and no others."""
    submission = Submission("test", None, b"{}")
    stored = [(facts.SUBMITTED, "a-1", 1_000, "test", submission)]
    stored += [(each, "a-1", 2_000, "w", DETAILS[each]) for each in [*LIVES[status], kind]]
    after = TRANSITIONS[status].get(kind)
    if status is TaskStatus.PENDING and after is None:  # the line of its start may be lost
        after = TRANSITIONS[TaskStatus.RUNNING].get(kind)
    registry = fold(stored)
    assert [fact for fact, _ in registry.misfits] == ([] if after else stored[-1:])
    assert registry.counts() == {**dict.fromkeys(TaskStatus, 0), after or status: 1}


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("stored", [[], None])
def test_loading_leaves_the_collector_as_it_was(enabled: bool, stored: Any) -> None:
    """The garbage collector rests while facts are folded, and not longer, even if that fails."""

    def watched() -> Iterator[RawFact]:
        assert not gc.isenabled()
        yield from stored

    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with nullcontext() if stored == [] else pytest.raises(TypeError):
            fold(watched())
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()


def test_a_second_submission_changes_nothing() -> None:
    """A submission that is there twice is one task, as it was the first time."""
    first, second = Submission("test", None, b"1"), Submission("other", None, b"2", 5)
    registry = fold(
        [
            (facts.SUBMITTED, "a-1", 1_000, "test", first),
            (facts.STARTED, "a-1", 2_000, "w", 1),
            (facts.SUBMITTED, "a-1", 3_000, "other", second),
        ]
    )
    (record,) = registry.records()
    assert (record.type, record.status) == ("test", TaskStatus.RUNNING)
    assert registry.totals()[facts.SUBMITTED] == 1
    assert registry.misfits == []
