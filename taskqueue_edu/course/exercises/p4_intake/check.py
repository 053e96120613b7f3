"""What was accepted before the end is there at the end, whoever closes at that moment."""

import sys
import threading
from queue import Queue
from unittest import mock

from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Check

check = Check("Intake")


def _alone(scenario):
    """Explore what one thread does alone. A schedule would show no switch: it is told without."""
    found = explore(scenario)
    if found.ok is False and found.kind in ("assertion", "exception"):
        scenario()  # fails once more, with its message or with the learner's line
    return found


@check.probe(question="What does each of the two methods promise, before the end and after it?")
def one_after_the_other(Intake):
    """One thread hands in three jobs, the texts a, b and "", closes, and does all of it again."""

    def scenario():
        intake = Intake()
        for job in ("a", "b", ""):
            taken = intake.accept(job)
            assert taken is True, f"accept({job!r}) returned {taken}, expected True"
        left = intake.close()
        assert isinstance(left, list), f"close() returned a {type(left).__name__}, expected a list"
        assert sorted(left) == ["", "a", "b"], f"close() returned {left}, expected a, b and ''"
        for closed in ("close()", "two calls of close()"):
            taken = intake.accept("c")
            assert taken is False, f"After {closed}, accept() returned {taken}, expected False"
            again = intake.close()
            assert again == [], f"After {closed}, the next returned {again}, expected []"

    return _alone(scenario)


@check.probe(question="By what do you tell jobs apart, and of which jobs can that be asked?")
def jobs_of_all_kinds(Intake):
    """The number 1, the text 1 and a list are handed in, and it is closed."""

    def scenario():
        intake, jobs = Intake(), [1, "1", ["a"]]
        for job in jobs:
            taken = intake.accept(job)
            assert taken is True, f"accept({job!r}) returned {taken}, expected True"
        left = intake.close()
        same = len(left) == 3 and all(job in left for job in jobs)
        assert same, f"{jobs} were accepted, and close() returned {left}"

    return _alone(scenario)


@check.probe(question="Who else still has the list that close() returned?")
def what_was_given_stays(Intake):
    """One job is handed in, it is closed, and the list is looked at after more calls."""

    def scenario():
        intake = Intake()
        intake.accept("a")
        left = intake.close()
        for call in ("accept('b'), which was refused", "a second close()"):
            intake.accept("b") if "accept" in call else intake.close()
            assert left == ["a"], f"close() returned a list with a; after {call}, it is {left}"

    return _alone(scenario)


@check.probe(question="What do the two of them share, and where is it made?")
def each_has_its_own(Intake):
    """Two of them are made, each gets a job of its own, and one is closed."""

    def scenario():
        one, other = Intake(), Intake()
        one.accept("a"), other.accept("b")
        left = one.close()
        assert left == ["a"], f"a was handed in, b to another; close() returned {left}"
        taken = other.accept("c")
        assert taken is True, f"one was closed, and accept() of another returned {taken}"

    return _alone(scenario)


def _accept_and_close(Intake):
    def scenario():
        intake, taken, left = Intake(), [], []
        together(lambda: taken.append(intake.accept("a")), lambda: left.extend(intake.close()))
        said = "accepted" if taken == [True] else "refused"
        assert left == ["a"] * (said == "accepted"), f"a was {said}, and close() returned {left}"

    return explore(scenario)


def _locks(Intake):
    """Return the locks that accept() takes, one after another, and close(); and if all waits are long."""
    taken, waits = [], []

    class Noted:
        def __init__(self):
            self._lock = real()
            # A lock inside of such a thing is none that the answer takes.
            self.hidden = isinstance(sys._getframe(1).f_locals.get("self"), threading.Event | Queue)

        def __enter__(self):
            return self.acquire()

        def __exit__(self, *_):
            self._lock.release()

        def acquire(self, *args, **kwargs):
            if not self.hidden:
                taken.append(self)
                waits.append(not args and not kwargs)
            return self._lock.acquire(*args, **kwargs)

        def __getattr__(self, name):
            return getattr(self._lock, name)

    real = threading.Lock
    with mock.patch.multiple(threading, Lock=Noted, RLock=Noted):
        intake = Intake()
        intake.accept("a")
        accept = taken[:]
        taken.clear()
        intake.close()
    return accept, taken, all(waits)


@check.probe(question="What does a thread do that does not get the lock, and what may it do?")
def a_lock_that_is_tried(Intake):
    """One thread hands in a job while another closes, and a lock is asked for without waiting."""
    *_, waits = _locks(Intake)
    return None if waits else _accept_and_close(Intake)


@check.probe(
    "wrong_lock",
    kinds=["assertion"],
    question="Which thread does the lock of accept() keep out, and which the lock of close()?",
)
def locks_of_their_own(Intake):
    """One thread hands in a job while another closes; the locks that they take are compared."""
    accept, close, _ = _locks(Intake)
    return _accept_and_close(Intake) if accept and close and not {*accept} & {*close} else None


@check.probe(question="One of the two takes no lock. Whom does the lock of the other keep out?")
def a_lock_on_one_side(Intake):
    """One thread hands in a job while another closes, and only one of them takes a lock."""
    accept, close, _ = _locks(Intake)
    return _accept_and_close(Intake) if bool(accept) is not bool(close) else None


@check.probe(question="Which of your lines stand outside of the lock, and what do they read or change?")
def a_lock_taken_once(Intake):
    """One thread hands in a job while another closes, and each takes the lock once."""
    accept, close, _ = _locks(Intake)
    return _accept_and_close(Intake) if len(accept) == len(close) == 1 else None


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


@check.probe(question="What does accept() do if another thread is inside of it?")
def two_are_accepted(Intake):
    """Two threads hand in a job each while it is open."""

    def scenario():
        intake, taken = Intake(), {}
        together(*[lambda job=job: taken.update({job: intake.accept(job)}) for job in "ab"])
        refused = [job for job in "ab" if taken[job] is not True]
        assert not refused, f"it was open, and accept() of {refused[0]} was {taken[refused[0]]}"

    return explore(scenario)


@check.probe(question="Two threads are in accept(). What has each seen, when it writes?")
def two_hand_in(Intake):
    """Two threads hand in a job each, and then it is closed."""

    def scenario():
        intake = Intake()
        together(lambda: intake.accept("a"), lambda: intake.accept("b"))
        left = intake.close()
        assert sorted(left) == ["a", "b"], f"a and b were accepted, and close() returned {left}"

    return explore(scenario)


@check.probe(
    question="Where can accept() stand when the first close() returns, and what comes next?"
)
def one_hands_in_while_one_closes_twice(Intake):
    """One thread hands in a job while another closes, and then closes once more."""

    def scenario():
        intake, taken, left = Intake(), [], []
        closes = [lambda: left.append(intake.close())] * 2
        together(lambda: taken.append(intake.accept("a")), lambda: [close() for close in closes])
        assert left[1] == [], f"the second close() returned {left[1]}, expected []"
        said = "accepted" if taken == [True] else "refused"
        assert left[0] == ["a"] * (said == "accepted"), f"a was {said}; close() returned {left[0]}"

    # Without a lock, it takes three preemptions to come between both ends of accept() and close().
    return explore(scenario, bound=3)
