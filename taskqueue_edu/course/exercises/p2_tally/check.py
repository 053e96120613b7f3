"""Two numbers that belong together, changed and read by several threads."""

import sys
import threading
from contextlib import suppress
from inspect import iscoroutinefunction
from unittest import mock

from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Case, Check

check = Check("Tally")

KINDS = {
    name: getattr(threading, name)
    for name in ("Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore")
}


class _Taken:
    """Says whether a lock that is made meanwhile is taken, by `with` or by acquire()."""

    def __init__(self):
        self.times = 0
        self.locks = set()
        self.looked_up = False  # whether somebody has looked for its acquire(), to call it or not
        self.limited = False  # whether one was taken by acquire(blocking=False), or with a timeout

    def making(self):
        """Put watched locks in the place of those in `threading`."""
        return mock.patch.multiple(
            threading, **{name: self._factory(make) for name, make in KINDS.items()}
        )

    def _factory(self, make):
        def made(*args, **kwargs):
            with mock.patch.multiple(threading, **KINDS):  # some are made of others
                return _Watched(make(*args, **kwargs), self)

        return made


class _Watched:
    def __init__(self, lock, taken):
        self._lock, self._taken = lock, taken

    def __enter__(self):
        self._taken.times += 1
        self._taken.locks.add(self)
        return self._lock.__enter__()

    def __exit__(self, *error):
        return self._lock.__exit__(*error)

    @property
    def acquire(self):
        self._taken.looked_up = True
        return self._acquire

    def _acquire(self, *args, **kwargs):
        self._taken.times += 1
        self._taken.locks.add(self)
        # `threading` asks so itself, to learn who has the lock of a condition or an event.
        asked_by = sys._getframe(1).f_globals["__name__"]
        self._taken.limited |= bool(args or kwargs) and asked_by != "threading"
        return self._lock.acquire(*args, **kwargs)

    def __getattr__(self, name):
        return getattr(self._lock, name)


def _takes(Tally, call):
    """Say how `call` takes a lock that the tally has had from the start."""
    taken = _Taken()
    with taken.making():
        tally = Tally()
    taken.times, taken.looked_up = 0, False
    taken.locks.clear()
    call(tally)
    return taken


@check.probe()
def for_threads(Tally):
    """It is looked at whether the tally is made for threads."""
    for name in ("add", "report"):
        if iscoroutinefunction(getattr(Tally, name, None)):
            raise Case(
                f"{name}() is an `async def`: a call makes a coroutine, and runs no line of it.",
                "Who calls add() and report() here: threads, or coroutines of one thread?",
            )
    its = dict(vars(Tally))
    with suppress(Exception):  # what is wrong with that is found below
        its |= vars(Tally())
    for name, value in its.items():
        if type(value).__module__.startswith("asyncio."):
            raise Case(
                f"`{name}` is made by `asyncio`: that is for coroutines, which take turns in one "
                "thread, and keeps no threads apart.",
                "Who calls add() and report() here, and which module has a lock for them?",
            )


@check.probe(question="What does report() return, and what does each of the two numbers count?")
def alone(Tally):
    """One thread adds three files, one of them empty, and asks for the report after each."""

    def scenario():
        tally = Tally()
        seen = [tally.report()]
        for lines in (10, 0, 5):
            tally.add(lines)
            seen.append(tally.report())
        assert not isinstance(seen[0], list), f"it reported {seen[0]}: that is a list, and no tuple"
        assert seen == [(0, 0), (1, 10), (2, 10), (3, 15)], (
            f"Files of 10, 0 and 5 lines were added; before, and after each, it reported {seen}."
        )

    return explore(scenario)


def _adds(tally):
    tally.add(1)


def _reports(tally):
    tally.report()


@check.probe(question="Where do the numbers live: in the class, or in each of its objects?")
def each_has_its_own(Tally):
    """One thread makes two tallies, and adds a file to one of them."""

    def scenario():
        one, other = Tally(), Tally()
        before = other.report()
        one.add(10)
        after = other.report()
        assert before == after == (0, 0), (
            f"A file was added to one tally. Another one reported {before} before, {after} after."
        )

    return explore(scenario)


def _both_add(Tally):
    def scenario():
        tally = Tally()
        together(lambda: tally.add(10), lambda: tally.add(5))
        seen = tally.report()
        assert seen == (2, 15), f"files of 10 and 5 lines were added, it reports {seen}"

    return explore(scenario)


def _one_looks(Tally):
    def scenario():
        tally, seen = Tally(), []
        together(lambda: tally.add(10), lambda: seen.append(tally.report()))
        assert seen[0] in [(0, 0), (1, 10)], (
            f"there was no file, then one of 10 lines; it reported {seen[0]}"
        )

    return explore(scenario)


@check.probe(
    "wrong_lock",
    kinds=["assertion"],
    question="Which other thread could have the lock that add() takes?",
)
def a_lock_for_each_call(Tally):
    """Two threads add a file each; the locks that add() takes are looked at."""
    made = _Taken()
    tally = Tally()
    with made.making():
        tally.add(1)
    its_own = made.times and not _takes(Tally, _adds).times
    return _both_add(Tally) if its_own else None


@check.probe(
    question="What does your acquire() return if somebody else has the lock, and what comes next?"
)
def a_lock_with_a_limit(Tally):
    """Two threads use the tally; it is looked at how they ask for the lock."""
    for call, scenario in ((_adds, _both_add), (_adds, _one_looks), (_reports, _one_looks)):
        if _takes(Tally, call).limited and not (verdict := scenario(Tally)):
            return verdict


def _looks_at(Tally, call):
    """Name the attributes of a tally that `call` reads and leaves as they were."""
    read = set()

    class Watched(Tally):
        def __getattribute__(self, name):
            read.add(name)
            return super().__getattribute__(name)

    tally = Watched()
    before = {name: repr(value) for name, value in vars(tally).items()}
    read.clear()
    call(tally)
    read &= before.keys()
    return {name for name in read if repr(getattr(tally, name)) == before[name]}


@check.probe(
    question="What does add() look at first? Until it has changed that, who else may look at it?"
)
def two_add_behind_a_flag(Tally):
    """Two threads add a file each: neither is lost."""
    taken = _takes(Tally, _adds)
    by_a_lock = taken.times or taken.looked_up
    return None if by_a_lock or not _looks_at(Tally, _adds) else _both_add(Tally)


@check.probe(
    "gil_is_a_lock",
    kinds=["assertion"],
    question="Which steps are in add(): what does it read, and what does it store? Who may come in?",
)
def two_add(Tally):
    """Two threads add a file each."""
    taken = _takes(Tally, _adds)
    return None if taken.times or taken.looked_up else _both_add(Tally)


@check.probe(
    question="How many threads can get past what add() waits for, and what does it do before and after?"
)
def two_add_with_a_lock(Tally):
    """Two threads add a file each: neither is lost."""
    return _both_add(Tally)


@check.probe(
    "lock_writers_only",
    kinds=["assertion"],
    question="What does report() see between the two steps of add()?",
)
def one_adds_and_one_looks(Tally):
    """One thread adds a file under a lock, while another asks for the report without one."""
    locked = _takes(Tally, _adds).times and not _takes(Tally, _reports).times
    return _one_looks(Tally) if locked else None


@check.probe(
    "wrong_lock",
    kinds=["assertion"],
    question="Which lock does add() take, and which does report()?",
)
def a_lock_for_each_method(Tally):
    """One thread adds a file under one lock, while another asks for the report under another."""
    taken = _Taken()
    with taken.making():
        tally = Tally()
    tally.add(1)
    by_add = set(taken.locks)
    taken.locks.clear()
    tally.report()
    apart = by_add and taken.locks and not by_add & taken.locks
    return _one_looks(Tally) if apart else None


@check.probe(
    kinds=["assertion"],
    question="Of which data does your sentence speak, and how many locks guard them?",
)
def two_locks(Tally):
    """One thread adds a file while another asks for the report."""
    verdict = _one_looks(Tally)
    return verdict if len(_takes(Tally, _reports).locks) > 1 else None


@check.probe(
    question="Between which two steps of add(), or of report(), may another thread come in?"
)
def never_apart(Tally):
    """One thread adds a file while another asks for the report: never one number without the other."""
    return _one_looks(Tally)


@check.probe(
    kinds=["assertion", "deadlock", "lost wakeup"],
    question="What does report() change or take away, and who else may do so at that moment?",
)
def two_look(Tally):
    """A file was added, and two threads ask for the report."""

    def scenario():
        tally, seen = Tally(), []
        tally.add(10)
        together(*[lambda: seen.append(tally.report())] * 2)
        assert seen == [(1, 10), (1, 10)], f"there was one file of 10 lines; they reported {seen}"

    return explore(scenario)
