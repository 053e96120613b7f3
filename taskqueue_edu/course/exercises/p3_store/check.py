"""A store must keep what it promised, wherever a crash comes, and serve a real queue."""

import errno
import fcntl
import io
import os
import resource
import stat
import tempfile
import threading
import time
from contextlib import contextmanager, redirect_stdout, suppress
from itertools import count
from pathlib import Path
from unittest import mock

from taskqueue_edu import JournalDamaged, TaskQueue, WorkerPool, facts
from taskqueue_edu.course.exercises.p3_store.given import facts_of, line_of
from taskqueue_edu.course.probes import opened, within
from taskqueue_edu.facts import Submission
from taskqueue_edu.lab.crash import crash_test, log_kept
from taskqueue_edu.lab.crash.kinds import NOT_SYNCED, RECOVERY
from taskqueue_edu.lab.crash.system import FIRST_DESCRIPTOR
from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import HANGS, Case, Check
from taskqueue_edu.workloads import MathTask

check = Check("LineStore")

# Two threads take 115 schedules at most. A store with a thread of its own takes thousands.
_BUDGET = 120


def _fact(number):
    """Return the fact that a task was submitted."""
    return facts.SUBMITTED, f"task-{number}", 10**18, "t", Submission("t", None, b"{}")


def _ids(found):
    return [task_id for _, task_id, *_ in found]


def _ends(call, *arguments):
    """Return what a method of a store returns. If it hangs, that is a case of its own."""
    try:
        return within(3, lambda: call(*arguments), f"{call.__name__}() was called")
    except AssertionError as error:
        raise Case(str(error), HANGS) from error


def _is_folder(file):
    """Tell whether fsync was called for a folder."""
    return stat.S_ISDIR(os.fstat(file if isinstance(file, int) else file.fileno()).st_mode)


def _lines_in(path):
    return len(path.read_bytes().splitlines())


def _begin(path):
    """Return how a file begins."""
    return repr(path.read_bytes()[:30])


def _recover(LineStore):
    def recover(folder):
        store = LineStore(folder / "facts.jsonl")
        try:
            return _ids(store.load())
        finally:
            store.close()

    return recover


def _crashed(LineStore, **options):
    """Submit two tasks more than there are, and sync each; crash everywhere; load."""

    def run(folder, acknowledge):
        store = LineStore(folder / "facts.jsonl")
        known = len(list(store.load()))
        for number in (known + 1, known + 2):
            store.sync(store.append(_fact(number)))
            acknowledge(f"task-{number}")
        store.close()

    return crash_test(run, _recover(LineStore), log_kept, **options)


@check.probe(
    question="Which function makes a line of a fact, with which number, and what returns `append`?"
)
def the_first_facts(LineStore):
    """Two facts are appended to a new store, and the file is read with facts_of()."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "facts.jsonl")
        store = LineStore(path)
        found = _ends(store.load)
        assert found is not None, "load() returned None, expected the facts in the file."
        try:
            ids = _ids(found)
        except (TypeError, ValueError) as error:
            raise Case(
                f"load() returned {found!r}, expected the facts in the file, and nothing else.",
                "What does `facts_of` return, and what must `load`?",
            ) from error
        assert not ids, "There is no file yet, and load() gave facts."
        numbers = [_ends(store.append, _fact(number)) for number in (1, 2)]
        assert None not in numbers, "append() returned None, and flush() gets that."
        assert numbers == sorted(set(numbers)), f"append() returned {numbers}: they must grow."
        assert all(numbers), "append() returned 0, which says that there is nothing to flush."
        _ends(store.flush, numbers[-1])
        _ends(store.close)
        try:
            found = _ids(facts_of(path.read_bytes())[0])
        except JournalDamaged as error:
            raise AssertionError(f"The file begins with {_begin(path)}: {error.message}") from error
        assert found == ["task-1", "task-2"], f"The file holds {found}, expected both facts."


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
            data = path.read_bytes() if path.exists() else b""
            try:
                found = _ids(store.load())
            except JournalDamaged as error:
                facts_of(data)  # raises it, too, if the file is wrong
                raise Case(
                    f"{expected} went in, and load() raised {error!r}. Given the whole file, facts_of() "
                    "raises nothing.",
                    "Which lines does `facts_of` want in one call, and which does it get?",
                ) from error
            assert found == expected, f"{expected} went in, and load() gave {found}."
            numbers = [store.append(_fact(number)) for number in more]
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
            _ends(method, store.append(_fact(number)))
            lines = path.read_bytes().count(b"\n")
            assert lines == number, (
                f"{method.__name__}() returned, and the file has {lines} of {number} lines. The "
                "rest is in the process, and dies with it."
            )
        store.close()


@check.probe(question="What does `os.write` return?")
def every_byte_is_written(LineStore):
    """The kernel takes at most 20 bytes at a time from `os.write`, as it may."""
    real = os.write
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "facts.jsonl")
        store = LineStore(path)
        list(store.load())
        with mock.patch.object(os, "write", lambda file, data: real(file, bytes(data)[:20])):
            store.flush(store.append(_fact(1)))
        size = path.stat().st_size
        store.close()
    expected = len(line_of(1, _fact(1)))
    assert size == expected, (
        f"A short write was taken for a whole one: the file has {size} of {expected} bytes."
    )


class _Fsyncs:
    """Stands in for fsync, and fails for the file at `broken`. `files` has those of files."""

    def __init__(self):
        self.files = []
        self.broken = None

    def __call__(self, file):
        about = os.fstat(file if isinstance(file, int) else file.fileno())
        if stat.S_ISREG(about.st_mode):
            self.files.append(about.st_ino)
            if self.broken is not None and os.path.samestat(about, self.broken.stat()):
                raise OSError(errno.EIO, "made to fail")

    @contextmanager
    def instead(self):
        """Patch it in, and give a folder."""
        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.object(os, "fsync", self),
            mock.patch.object(os, "fdatasync", self, create=True),
        ):
            yield Path(folder)


@check.probe(question="What does one thread leave to the others, and who does it after an error?")
def it_ends_after_a_failure(LineStore):
    """An fsync fails, or there is no room on the disk, and then sync() is called once more."""
    fsyncs = _Fsyncs()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fails():
        with suppress(Exception):
            store.sync(position)

    for what in ("an fsync", "a write"):
        with fsyncs.instead() as folder:
            path = folder / "facts.jsonl"
            store = LineStore(path)
            list(store.load())
            position = store.append(_fact(1))
            if what == "an fsync":
                fsyncs.broken = path
            else:
                resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, before[1]))
            try:
                with redirect_stdout(io.StringIO()):  # what it prints needs room, too
                    for when in (f"While {what} fails", f"When {what} has failed"):
                        within(3, fails, when)
            finally:
                fsyncs.broken = None
                resource.setrlimit(resource.RLIMIT_FSIZE, before)


@check.probe(question="What belongs to one store, and what to all of them?")
def another_store(LineStore):
    """There are two stores in two folders, and the fsync of one fails. Then the other one is used."""
    fsyncs = _Fsyncs()

    def begin(name):
        path = folder / name / "facts.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        store = LineStore(path)
        list(store.load())
        return store

    with fsyncs.instead() as folder:
        one, other = begin("one"), begin("other")
        fsyncs.broken = folder / "one" / "facts.jsonl"
        with suppress(Exception):
            one.sync(one.append(_fact(1)))
        fsyncs.files.clear()
        try:
            within(
                3,
                lambda: other.sync(other.append(_fact(1))),
                "When the fsync of another store has failed",
            )
        except OSError as error:
            raise AssertionError(
                f"The fsync of one store failed, and sync() of the other one raised {error!r}."
            ) from error
        if not fsyncs.files:
            return  # it has another way to wait for the disk, or does not wait: that is for the next
        other.close()
        third = begin("other")
        fsyncs.files.clear()
        third.sync(third.append(_fact(1)))
        assert fsyncs.files, (
            "A store was closed, its file removed, and a new one made with the same path. A fact was "
            "appended, and sync() returned without any fsync of the file."
        )
        third.close()


@check.probe("write_is_durable", kinds=[NOT_SYNCED], question="Which call waits for the disk?")
def what_is_synced(LineStore):
    """The power fails after each step, and what was synced is looked for."""
    verdict = _crashed(LineStore, restart=False, faults=(), disk="ext4")
    return verdict if verdict.kind == NOT_SYNCED else None


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


@check.probe(question="Was the second line promised to anybody, and who gets to know of it?")
def damage_is_reported(LineStore):
    """One letter of the second of three lines is wrong."""
    data = b"".join(line_of(number, _fact(number)) for number in (1, 2, 3))
    data = data.replace(b"task-2", b"task-9")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "facts.jsonl")
        path.write_bytes(data)
        try:
            found = _ids(LineStore(path).load())
        except Exception:
            found = None
        size = path.stat().st_size
    assert found is None, (
        f"One line is damaged. load() gave {found}, and raised nothing. The file has {size} of "
        f"{len(data)} bytes now."
    )
    assert size == len(data), (
        f"load() raised an error, and the file has {size} of {len(data)} bytes now: whoever wants "
        "to repair it by hand finds less than there was."
    )


@check.probe(question="Who has to hear of the error?")
def a_failed_fsync_is_told(LineStore):
    """A fact is synced, and the fsync of the file fails."""
    fsyncs = _Fsyncs()
    with fsyncs.instead() as folder:
        store = LineStore(folder / "facts.jsonl")
        list(store.load())
        position = store.append(_fact(1))
        fsyncs.broken = folder / "facts.jsonl"
        fsyncs.files.clear()
        try:
            store.sync(position)
        except Exception:
            return
        finally:
            failed, fsyncs.broken = len(fsyncs.files), None
        store.close()
    assert not failed, "fsync raised an OSError, and sync() returned as if the fact were safe."


@check.probe(question="If the power fails while `load` repairs the file, what is left of it?")
def every_crash_while_it_loads(LineStore):
    """It is killed or the power fails after each step, and then once more while load() works."""
    verdict = _crashed(LineStore)
    return verdict if verdict.kind == RECOVERY else None


@check.probe(question="What does the next start find on the disk that is shown?")
def every_crash(LineStore):
    """It is killed or the power fails after each step, each fsync fails once, and it goes on."""
    return _crashed(LineStore)


@check.probe(question="At which byte does the next line begin, and what is before it?")
def it_goes_on_after_a_torn_line(LineStore):
    """The last of two lines is torn. The store is opened, goes on, and is opened again."""
    lines = [line_of(number, _fact(number)) for number in (1, 2)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "facts.jsonl")
        path.write_bytes(lines[0] + lines[1][:-9])
        store = LineStore(path)
        list(store.load())
        store.sync(store.append(_fact(2)))
        store.close()
        after = path.read_bytes()[len(lines[0]) :][:12]
        store = LineStore(path)
        try:
            found = _ids(store.load())
        except JournalDamaged as error:
            found = error
        store.close()
    assert found == ["task-1", "task-2"], (
        f"Then load() gave {found!r}, expected both facts. Behind the first line, the file goes on "
        f"with {after}."
    )


class _File:
    """A file whose writes and flushes `explore` sees: they are noted in `calls`, for all threads."""

    def __init__(self, file, calls):
        self.file = file
        self.calls = calls

    def write(self, data):
        self.calls.append("write")
        return self.file.write(data)

    def flush(self):
        self.calls.append("flush")
        self.file.flush()

    def __getattr__(self, name):
        return getattr(self.file, name)


def _show_files(store, calls):
    """Put a `_File` in the place of each file that a store has opened."""
    for name, value in list(getattr(store, "__dict__", {}).items()):
        if isinstance(value, io.IOBase):
            setattr(store, name, _File(value, calls))


def _unlock(path):
    """Release the locks of a file: the process that had them is taken for dead, and its store gone."""
    for fd in opened(path) if path.exists() else ():
        fcntl.flock(fd, fcntl.LOCK_UN)


@check.probe(question="Who knows whether an earlier process has synced the folder?")
def killed_before_the_name_is_synced(LineStore):
    """A process is killed in its fsync of the folder. The next one opens the file, and syncs."""
    synced, failed = [], []
    first_ended, second_ended, for_ever = (threading.Event() for _ in range(3))

    def fsync(file):
        if _is_folder(file):
            if not first_ended.is_set():
                first_ended.set()
                for_ever.wait()  # what is killed does nothing more
            synced.append(file)

    def process(path, ended):
        try:
            store = LineStore(path)
            list(store.load())
            store.flush(store.append(_fact(1)))
            store.sync(store.append(_fact(2)))
            store.close()
        except BaseException as error:
            failed.append(error)
        ended.set()

    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(os, "fsync", fsync),
        mock.patch.object(os, "fdatasync", fsync, create=True),
    ):
        path = Path(folder, "facts.jsonl")
        for ended in (first_ended, second_ended):
            _unlock(path)
            threading.Thread(target=process, args=(path, ended), daemon=True).start()
            assert ended.wait(10), "sync() has not returned after 10 s."
            if failed:
                raise failed[0]
    assert synced, (
        "The first process has made the file, and was killed before its fsync of the folder was "
        "over. In the next one sync() returned, and nobody has synced the folder: the file may have "
        "no name after a power cut."
    )


@check.probe(question="Which facts does `load` find: those on the disk, or those with the kernel?")
def killed_before_a_fact_is_synced(LineStore):
    """A process flushes a fact, and is killed. The next one loads it, and syncs it."""

    def run(folder, acknowledge):
        path = folder / "facts.jsonl"
        killed = LineStore(path)
        list(killed.load())
        killed.flush(killed.append(_fact(1)))
        del killed
        for fd in range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + 99):
            with suppress(OSError):
                fcntl.flock(fd, fcntl.LOCK_UN)  # that process is dead, and its locks with it
        store = LineStore(path)
        number = len(list(store.load()))
        store.sync(number)
        acknowledge(f"task-{number}")
        store.close()

    return crash_test(run, _recover(LineStore), log_kept, faults=(), restart=False)


@check.probe(question="Who has the file once its queue is closed?")
def it_is_released(LineStore):
    """A store is closed, once all went well, and once an fsync has failed. Is its file still open?"""
    fsyncs = _Fsyncs()
    with fsyncs.instead() as folder:
        path = folder / "facts.jsonl"
        store = LineStore(path)
        list(store.load())
        store.sync(store.append(_fact(1)))
        store.close()
        assert not opened(path), "close() returned, and the file is still open."
        store = LineStore(path)
        list(store.load())
        position = store.append(_fact(2))
        fsyncs.broken = path
        with suppress(Exception):
            store.sync(position)
        try:
            store.close()
            ended = "returned"
        except Exception as error:
            ended = f"raised {error!r}"
        fsyncs.broken = None
        assert not opened(path), (
            f"An fsync had failed. Then close() {ended}, and the file is still open."
        )


@check.probe(question="Which call in your `close` can raise, and what happens then to those below it?")
def it_is_released_with_a_full_disk(LineStore):
    """There is no room for what was appended, and the store is closed, with and without a flush()."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for flushes in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "facts.jsonl")
            store = LineStore(path)
            list(store.load())
            store.sync(store.append(_fact(1)))
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, before[1]))
            try:
                with redirect_stdout(io.StringIO()):  # what it prints needs room, too
                    with suppress(Exception):
                        position = store.append(_fact(2))
                        if flushes:
                            store.flush(position)
                    try:
                        _ends(store.close)
                        ended = "returned"
                    except Case:  # it hangs
                        raise
                    except Exception as error:
                        ended = f"raised {error!r}"
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
            left_open = opened(path)
        assert not left_open, (
            f"There was no room on the disk for a fact. {'flush() was called. ' * flushes}Then "
            f"close() {ended}, and the file is still open."
        )


def _at_once(LineStore, one, other, *, before=False):
    """Explore: a thread calls `one` for a fact; another appends a fact, and calls `other` for it.

    Both are "flush" or "sync". With `before`, both facts have been appended before. In the end the
    second fact is synced, if it was not.
    """
    write = os.write

    def scenario():
        calls, fsyncs = [], []

        def seen_write(fd, data):
            calls.append("write")
            return write(fd, data)

        def fsync(file):
            if _is_folder(file):
                return
            calls.append("fsync")
            lines = _lines_in(path)  # it keeps what is there when it begins
            fsyncs.append(lines)

        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.object(os, "write", seen_write),
            mock.patch.object(os, "fsync", fsync),
            mock.patch.object(os, "fdatasync", fsync, create=True),
        ):
            path = Path(folder, "facts.jsonl")
            store = LineStore(path)
            list(store.load())
            _show_files(store, calls)

            def have(method, position, lines):
                getattr(store, method)(position)
                if method == "flush":
                    calls.append("look")
                    found = _lines_in(path)
                    assert found >= lines, (
                        f"flush({position}) returned, and the file has {found} of {lines} lines"
                    )
                else:
                    kept = max(fsyncs, default=-1)
                    assert kept >= lines, f"sync({position}) returned, and " + (
                        "no fsync is over"
                        if kept < 0
                        else f"line {lines} was not in the file yet when the last finished fsync began"
                    )

            first = store.append(_fact(1))
            second = store.append(_fact(2)) if before else None
            positions = [second] if before else []

            def call_one():
                have(one, first, 1)

            def call_other():
                if not before:
                    positions.append(store.append(_fact(2)))
                have(other, positions[0], 2)

            call_one.__name__, call_other.__name__ = f"{one}_1", f"{other}_2"
            together(call_one, call_other)
            if other == "flush":
                have("sync", positions[0], 2)
            data = path.read_bytes()
            store.close()
        try:
            found = _ids(facts_of(data)[0])
        except JournalDamaged as error:
            raise AssertionError("the lines in the file are not in order, or twice") from error
        assert found == ["task-1", "task-2"], f"the file holds {found}"

    return explore(scenario, budget=_BUDGET)


@check.probe(question="Which threads call `flush`, and what do two of them share at once?")
def two_flush_at_once(LineStore):
    """One thread flushes a fact, while another appends one and flushes it."""
    return _at_once(LineStore, "flush", "flush")


@check.probe(question="What has to be true when flush() returns, and for whom?")
def two_flush_what_was_appended(LineStore):
    """Two facts are appended, then one thread flushes the first, another the second."""
    return _at_once(LineStore, "flush", "flush", before=True)


@check.probe(
    question="Which fsync must be over when sync() returns? And when that began, what was there of the "
    "fact: its number, its bytes, or both?"
)
def two_sync_at_once(LineStore):
    """One thread syncs a fact, while another appends one and syncs it."""
    return _at_once(LineStore, "sync", "sync")


@check.probe(question="What do `flush` and `sync` share, when two threads call them at once?")
def a_flush_and_a_sync(LineStore):
    """One thread flushes a fact, while another appends one and syncs it."""
    return _at_once(LineStore, "flush", "sync")


@check.probe(
    question="Which facts has an fsync kept: those from before it began, or before it ended?"
)
def a_sync_and_a_flush(LineStore):
    """One thread syncs a fact, another appends one and flushes it, and then that is synced, too."""
    return _at_once(LineStore, "sync", "flush")


@check.probe(question="Which locks does your `append` need, and who may hold them for long?")
def append_waits_for_nobody(LineStore):
    """A fact is appended while another thread waits in fsync, and then that fact is synced, too."""
    begun, goes_on = threading.Event(), threading.Event()
    waited = []

    def fsync(file):
        if _is_folder(file):  # that of the name may come early, late or never
            return
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
        if not waited:
            raise Case(
                "The second fact was appended while the first was being synced. sync() was called "
                "for it, and returned without any fsync that began after the fact was there.",
                "Which facts does an fsync keep: those from before it began, or from before it ended?",
            )
        store.close()


@check.probe(question="Is that fact on the disk now? And what does the caller believe?")
def sync_after_a_failure(LineStore):
    """An fsync fails, and sync() raises. Whoever called it calls it again."""
    fsyncs = _Fsyncs()
    with fsyncs.instead() as folder:
        store = LineStore(folder / "facts.jsonl")
        list(store.load())
        position = store.append(_fact(1))
        fsyncs.broken = folder / "facts.jsonl"
        with suppress(Exception):
            store.sync(position)
        failed = len(fsyncs.files)
        try:
            store.sync(position)
            returned = True
        except Exception:
            returned = False
        again = len(fsyncs.files) - failed
        fsyncs.broken = None
        with suppress(Exception):
            store.close()
    assert not (failed and returned and not again), (
        "An fsync failed, and sync() raised. Called again for the same fact, sync() returned, and "
        "there was no other fsync."
    )


@check.probe(
    question="Which call failed: a write, the fsync of the file, or that of its folder? What is still to be "
    "done after it, and what can nobody do?"
)
def after_a_failure(LineStore):
    """An fsync fails once, or the disk gets full, at each step. Whoever called sync() calls it again."""

    def run(folder, acknowledge):
        store = LineStore(folder / "facts.jsonl")
        known = len(list(store.load()))
        for number in (known + 1, known + 2):
            position = store.append(_fact(number))
            try:
                store.sync(position)
            except Exception:
                store.sync(position)  # whoever called tries once more
            acknowledge(f"task-{number}")
        store.close()

    return crash_test(run, _recover(LineStore), log_kept, faults=("eio", "enospc"), restart=False)


@check.probe(
    question="Whom does the kernel tell of a failed fsync, and what does another fsync say then?"
)
def one_fsync_fails(LineStore):
    """Two threads sync a fact each, and the first fsync fails. Then sync() is called four times."""

    def scenario():
        fsyncs, numbers, ready, returned = [], count(1), [], []

        def fsync(file):
            if _is_folder(file):
                return
            mine = f"{next(numbers)} begins"
            # Between these two, other threads may run.
            fsyncs.append(mine)
            if ready and fsyncs[0] == mine:
                fsyncs.append(mine.replace("begins", "fails"))
                raise OSError(errno.EIO, "the disk failed")
            fsyncs.append(mine.replace("begins", "is over"))

        def refuses(position):
            try:
                store.sync(position)
            except Exception:
                return
            returned.append(f"sync({position})")

        def sync_1():
            refuses(first)

        def sync_2():
            refuses(last)

        def all_have_raised(when):
            order = ", ".join(fsyncs)
            assert not returned, f"{returned[0]} returned {when}. The fsyncs of the file: {order}"

        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.object(os, "fsync", fsync),
            mock.patch.object(os, "fdatasync", fsync, create=True),
        ):
            store = LineStore(Path(folder, "facts.jsonl"))
            list(store.load())
            fsyncs.clear()
            ready.append("from here on it fails")
            first, last = [store.append(_fact(number)) for number in (1, 2)]
            together(sync_1, sync_2)
            all_have_raised("in one of two threads")
            with suppress(Exception):  # it need not take any more
                last = store.append(_fact(3))
            for position in (last, first, last, last):
                refuses(position)
                all_have_raised("after an fsync had failed")
            with suppress(Exception):
                store.close()

    return explore(scenario, budget=_BUDGET)


@check.probe(
    question="An fsync is over: how many threads go on then, and what has each looked at since?"
)
def three_sync_at_once(LineStore):
    """Three threads sync a fact each; two append theirs just before. The second fsync fails."""

    def scenario():
        fsyncs, numbers, ready, kept = [], count(1), [], []
        registry = threading.Lock()  # `append` is called under it

        def fsync(file):
            if _is_folder(file) or not ready:
                return
            number, lines = next(numbers), _lines_in(path)
            fsyncs.append(f"{number} begins with {lines} of 3 lines")
            time.sleep(1)  # in the lab's time: all others go on as far as they can
            if number == 2:
                fsyncs.append("2 fails")
                raise OSError(errno.EIO, "the disk failed")
            fsyncs.append(f"{number} is over")
            if number == 1:
                kept.append(lines)

        def sync_1(position=1):
            try:
                store.sync(position)
            except Exception:
                return
            order = ", ".join(fsyncs)
            assert position <= max(kept, default=0), (
                f"sync({position}) returned. The fsyncs of the file: {order}. A second one fails"
            )

        def append_and_sync(number):
            try:
                with registry:
                    position = store.append(_fact(number))
            except Exception:
                return  # it need not take any more
            sync_1(position)

        def sync_2():
            append_and_sync(2)

        def sync_3():
            append_and_sync(3)

        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.object(os, "fsync", fsync),
            mock.patch.object(os, "fdatasync", fsync, create=True),
        ):
            path = Path(folder, "facts.jsonl")
            store = LineStore(path)
            list(store.load())
            ready.append("from here on it counts")
            store.append(_fact(1))
            together(sync_1, sync_2, sync_3)
            with suppress(Exception):
                store.close()

    return explore(scenario, bound=0, budget=_BUDGET // 2)


@check.probe(question="What has a write left in the file that took a part and then failed?")
def a_write_fails_in_the_middle(LineStore):
    """There is room for 50 bytes more, and a write fails. Then there is room again, and it goes on."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "facts.jsonl")
        store = LineStore(path)
        list(store.load())
        store.sync(store.append(_fact(1)))
        promised = 1
        for number in range(2, 202):  # more than a buffer holds
            position = store.append(_fact(number))
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, before[1]))
        try:
            with (
                suppress(Exception),
                redirect_stdout(io.StringIO()),
            ):  # what it prints needs room, too
                store.flush(position)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        with suppress(Exception):  # it may go on, or refuse to
            store.sync(position)
            promised = 201
            store.sync(store.append(_fact(202)))
            promised = 202
        with suppress(Exception):
            store.close()
        store = None
        _unlock(path)  # it may have refused to be closed
        store = LineStore(path)
        try:
            found = _ids(store.load())
        except JournalDamaged as error:
            raise AssertionError(
                f"The first {promised} facts were promised. Opened anew, load() raised {error!r}."
            ) from error
        store.close()
    assert len(found) >= promised, (
        f"The first {promised} facts were promised. Opened anew, load() gave {len(found)}."
    )


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
