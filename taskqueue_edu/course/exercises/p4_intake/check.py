"""What was accepted before the end is there at the end, whoever closes at that moment."""

import threading
from unittest import mock

from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Check

check = Check("Intake")


@check.probe(question="What does each of the two methods promise, before the end and after it?")
def one_after_the_other(Intake):
    """One thread hands in three jobs, the texts a, b and "", closes, and does all of it again."""

    def scenario():
        intake = Intake()
        for job in ("a", "b", ""):
            taken = intake.accept(job)
            assert taken is True, f"accept({job!r}) returned {taken}, expected True"
        left = intake.close()
        assert sorted(left) == ["", "a", "b"], f"close() returned {left}, expected a, b and ''"
        for closed in ("close()", "two calls of close()"):
            taken = intake.accept("c")
            assert taken is False, f"after {closed}, accept() returned {taken}, expected False"
            again = intake.close()
            assert list(again) == [], f"after {closed}, the next returned {again}, expected []"

    return explore(scenario)


def _accept_and_close(Intake):
    def scenario():
        intake, taken, left = Intake(), [], []
        together(lambda: taken.append(intake.accept("a")), lambda: left.extend(intake.close()))
        if taken == [True]:
            assert left == ["a"], "a was accepted, and close() returned nothing: a is lost"
        else:
            assert left == [], "a was refused, and close() returned it"

    return explore(scenario)


def _locks(Intake):
    """Return the locks that accept() takes, and those that close() takes."""
    taken = []

    class Noted:
        def __init__(self):
            self._lock = real()

        def __enter__(self):
            return self.acquire()

        def __exit__(self, *_):
            self._lock.release()

        def acquire(self, *args, **kwargs):
            taken.append(self)
            return self._lock.acquire(*args, **kwargs)

        def __getattr__(self, name):
            return getattr(self._lock, name)

    real = threading.Lock
    with mock.patch.multiple(threading, Lock=Noted, RLock=Noted):
        intake = Intake()
        intake.accept("a")
        accept = set(taken)
        taken.clear()
        intake.close()
    return accept, set(taken)


@check.probe(
    "wrong_lock",
    kinds=["assertion"],
    question="Which thread does the lock of accept() keep out, and which the lock of close()?",
)
def locks_of_their_own(Intake):
    """One thread hands in a job while another closes; the locks that they take are compared."""
    accept, close = _locks(Intake)
    return _accept_and_close(Intake) if accept and close and not accept & close else None


@check.probe(question="What may accept() rely on, if close() takes no lock?")
def a_lock_on_one_side(Intake):
    """One thread hands in a job while another closes, and only one of them takes a lock."""
    accept, close = _locks(Intake)
    return _accept_and_close(Intake) if bool(accept) is not bool(close) else None


@check.probe(
    "atomic_calls_compose",
    kinds=["assertion"],
    question="Between which two steps, in accept() or in close(), must no other thread come?",
)
def one_hands_in_while_one_closes(Intake):
    """One thread hands in a job while another closes."""
    return _accept_and_close(Intake)


@check.probe(question="How many of those who close may get a job?")
def two_close(Intake):
    """A job is there, and two threads close at once."""

    def scenario():
        intake, left = Intake(), []
        intake.accept("a")
        together(*[lambda: left.extend(intake.close())] * 2)
        assert left == ["a"], f"two threads closed; together they got {left}, expected ['a']"

    return explore(scenario)


@check.probe(question="Two threads are in accept(). What has each seen, when it writes?")
def two_hand_in(Intake):
    """Two threads hand in a job each, and then it is closed."""

    def scenario():
        intake, taken = Intake(), {}
        together(*[lambda job=job: taken.update({job: intake.accept(job)}) for job in "ab"])
        refused = [job for job in "ab" if taken[job] is not True]
        assert not refused, f"it was open, and accept() of {refused[0]} was {taken[refused[0]]}"
        left = intake.close()
        assert sorted(left) == ["a", "b"], f"a and b were accepted, and close() returned {left}"

    return explore(scenario)
