"""A store must keep what it promised, wherever a crash comes, and serve a real queue."""

import os
import tempfile
import threading
from pathlib import Path
from unittest import mock

from taskqueue_edu import JournalDamaged, TaskQueue, WorkerPool, facts
from taskqueue_edu.course.exercises.p3_store.given import facts_of
from taskqueue_edu.course.probes import within
from taskqueue_edu.facts import Submission
from taskqueue_edu.lab.crash import crash_test, log_kept
from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Check
from taskqueue_edu.workloads import MathTask

check = Check("LineStore")

_NOT_SYNCED = "write without fsync acknowledged"


def _fact(number):
    """Return the fact that a task was submitted."""
    return facts.SUBMITTED, f"task-{number}", 10**18, "t", Submission("t", None, b"{}")


def _ids(found):
    return [task_id for _, task_id, *_ in found]


def _crashed(LineStore, **options):
    """Submit two tasks more than there are, and sync each; crash everywhere; load."""

    def run(folder, acknowledge):
        store = LineStore(folder / "facts.jsonl")
        known = len(list(store.load()))
        for number in (known + 1, known + 2):
            store.sync(store.append(_fact(number)))
            acknowledge(f"task-{number}")
        store.close()

    def recover(folder):
        store = LineStore(folder / "facts.jsonl")
        try:
            return _ids(store.load())
        finally:
            store.close()

    return crash_test(run, recover, log_kept, **options)


@check.probe(
    question="Where does `read` begin in a file opened for adding, and which number comes next?"
)
def without_a_crash(LineStore):
    """Facts are appended, and the store is closed and opened again, twice."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "facts.jsonl")
        expected = []
        for more in ([1, 2], [3], []):
            store = LineStore(path)
            found = store.load()
            assert found is not None, "load() returned None, expected the facts in the file."
            found = _ids(found)
            assert found == expected, f"{expected} went in, and load() gave {found}."
            numbers = [store.append(_fact(number)) for number in more]
            assert None not in numbers, "append() returned None, and flush() gets that."
            assert numbers == sorted(set(numbers)), f"append() returned {numbers}: they must grow."
            assert all(numbers), "append() returned 0, which says that there is nothing to flush."
            assert not numbers or numbers[0] == len(expected) + 1, (
                f"The file has {len(expected)} facts, and the next one got number {numbers[0]}."
            )
            expected += [f"task-{number}" for number in more]
            if numbers:
                store.flush(numbers[-1])
            store.close()


@check.probe(question="Where are the bytes after `write`, and where must they be after `flush`?")
def what_is_flushed(LineStore):
    """A fact is flushed, another one is synced, and the file is looked at after each."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "facts.jsonl")
        store = LineStore(path)
        list(store.load())
        for number, method in enumerate((store.flush, store.sync), 1):
            method(store.append(_fact(number)))
            lines = path.read_bytes().count(b"\n")
            assert lines == number, (
                f"{method.__name__}() returned, and the file has {lines} of {number} lines. The "
                "rest is in the process, and dies with it."
            )
        store.close()


@check.probe("write_is_durable", kinds=[_NOT_SYNCED], question="Which call waits for the disk?")
def what_is_synced(LineStore):
    """The power fails after each step, and what was synced is looked for."""
    verdict = _crashed(LineStore, restart=False, faults=(), disk="ext4")
    return verdict if verdict.kind == _NOT_SYNCED else None


@check.probe(
    "torn_line_ruins_file", question="Was the last line promised to anybody? And those before it?"
)
def what_is_before_a_torn_line(LineStore):
    """The machine stops while the third of three lines is written."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "facts.jsonl")
        store = LineStore(path)
        list(store.load())
        for number in (1, 2, 3):
            store.sync(store.append(_fact(number)))
        store.close()
        path.write_bytes(path.read_bytes()[:-9])
        store = LineStore(path)
        try:
            found = _ids(store.load())
        except JournalDamaged as error:
            raise AssertionError(f"Two lines are whole, and load() raised {error!r}.") from error
        store.close()
    assert found, "Two lines are whole, and load() gave no fact at all."


@check.probe(question="What does the next start find on the disk that is shown?")
def every_crash(LineStore):
    """It is killed or the power fails after each step, each fsync fails once, and it goes on."""
    return _crashed(LineStore)


@check.probe(question="Which threads call `flush`, and what do two of them share at once?")
def two_flush_at_once(LineStore):
    """One thread flushes a fact, while another appends one and flushes it."""

    def scenario():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "facts.jsonl")
            store = LineStore(path)
            list(store.load())
            first = store.append(_fact(1))
            together(
                lambda: store.flush(first),
                lambda: store.flush(store.append(_fact(2))),
            )
            found, _ = facts_of(path.read_bytes())
            store.close()
        assert _ids(found) == ["task-1", "task-2"], f"the file holds {_ids(found)}"

    with (
        mock.patch.object(os, "fsync", lambda _: None),
        mock.patch.object(os, "fdatasync", lambda _: None, create=True),
    ):
        return explore(scenario)


@check.probe(question="Which locks does your `append` need, and who may hold them for long?")
def append_waits_for_nobody(LineStore):
    """A fact is appended while another thread waits in fsync, and then that fact is synced, too."""
    begun, goes_on = threading.Event(), threading.Event()
    waited = []

    def fsync(file):
        waited.append(file)
        begun.set()
        assert goes_on.wait(10), "nobody lets it go on"

    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(os, "fsync", fsync),
        mock.patch.object(os, "fdatasync", fsync, create=True),
    ):
        goes_on.set()
        store = LineStore(Path(folder, "facts.jsonl"))
        list(store.load())
        waited.clear()
        first = store.append(_fact(1))
        assert not waited, "append() called fsync, and all threads wait for the disk meanwhile."
        goes_on.clear()
        begun.clear()
        syncing = threading.Thread(target=store.sync, args=(first,), daemon=True)
        syncing.start()
        try:
            assert begun.wait(5), "sync() was called, and it did not begin to wait for the disk."
            second = within(2, lambda: store.append(_fact(2)), "While another thread is in fsync")
        finally:
            goes_on.set()
        syncing.join(5)
        waited.clear()
        store.sync(second)
        assert waited, (
            "The second fact was appended while the first was being synced. sync() was called for "
            "it, and returned without any fsync that began after the fact was there."
        )
        store.close()


@check.probe()
def in_the_real_system(LineStore):
    """Two workers run twenty sums; then the queue is opened again, and the results are there."""

    def run_sums():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "facts.jsonl")
            with TaskQueue(store=LineStore(path)) as queue, WorkerPool(2) as pool:
                ids = queue.submit_many([MathTask("sum", (n, 1)) for n in range(20)])
                pool.start_processing(queue)
            with TaskQueue(store=LineStore(path)) as queue:
                return [queue.wait_for_result(task_id, timeout=0) for task_id in ids]

    values = within(10, run_sums)
    assert values == list(range(1, 21)), f"After reopening, the results are {values}."
