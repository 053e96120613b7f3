"""Two numbers that belong together, changed and read by several threads."""

import threading
from unittest import mock

from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Check

check = Check("Tally")

KINDS = ["Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore"]


class _Taken:
    """Says whether a lock that is made meanwhile is taken, by `with` or by acquire()."""

    def __init__(self):
        self.times = 0

    def making(self):
        """Put watched locks in the place of those in `threading`."""
        stack = mock.patch.multiple(
            threading, **{name: self._factory(getattr(threading, name)) for name in KINDS}
        )
        return stack

    def _factory(self, make):
        def made(*args, **kwargs):
            return _Watched(make(*args, **kwargs), self)

        return made


class _Watched:
    def __init__(self, lock, taken):
        self._lock, self._taken = lock, taken

    def __enter__(self):
        self._taken.times += 1
        return self._lock.__enter__()

    def __exit__(self, *error):
        return self._lock.__exit__(*error)

    def __getattr__(self, name):
        if name == "acquire":
            self._taken.times += 1
        return getattr(self._lock, name)


def _takes(Tally, call):
    """Count how often `call` takes a lock that the tally has had from the start."""
    taken = _Taken()
    with taken.making():
        tally = Tally()
    taken.times = 0
    call(tally)
    return taken.times


@check.probe(question="What does each of the two numbers count?")
def alone(Tally):
    """One thread adds two files and asks for the report after each."""

    def scenario():
        tally = Tally()
        seen = [tally.report()]
        for lines in (10, 5):
            tally.add(lines)
            seen.append(tally.report())
        assert [tuple(one) for one in seen] == [(0, 0), (1, 10), (2, 15)], (
            f"Files of 10 and 5 lines were added; before, between and after, it reported {seen}."
        )

    return explore(scenario)


def _both_add(Tally):
    def scenario():
        tally = Tally()
        together(lambda: tally.add(10), lambda: tally.add(5))
        seen = tally.report()
        assert tuple(seen) == (2, 15), f"files of 10 and 5 lines were added, it reports {seen}"

    return explore(scenario)


def _one_looks(Tally):
    def scenario():
        tally, seen = Tally(), []
        together(lambda: tally.add(10), lambda: seen.append(tuple(tally.report())))
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
    return _both_add(Tally) if made.times and not _takes(Tally, lambda t: t.add(1)) else None


@check.probe(
    "gil_is_a_lock",
    kinds=["assertion"],
    question="`self.files += 1` is three steps. After which of them must nobody else come in?",
)
def two_add(Tally):
    """Two threads add a file each."""
    return _both_add(Tally)


@check.probe(
    "lock_writers_only",
    kinds=["assertion"],
    question="What does report() see between the two lines of add()?",
)
def one_adds_and_one_looks(Tally):
    """One thread adds a file while another, which takes no lock, asks for the report."""
    return None if _takes(Tally, lambda tally: tally.report()) else _one_looks(Tally)


@check.probe(
    "wrong_lock",
    kinds=["assertion"],
    question="Of which data does your sentence speak, and how many locks guard them?",
)
def two_locks(Tally):
    """One thread adds a file while another asks for the report."""
    verdict = _one_looks(Tally)
    return verdict if _takes(Tally, lambda tally: tally.report()) > 1 else None


@check.probe(question="Between which two lines of add() may report() run?")
def never_apart(Tally):
    """One thread adds a file while another asks for the report: never one number without the other."""
    return _one_looks(Tally)
