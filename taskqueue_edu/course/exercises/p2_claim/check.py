"""One of those who claim a path at the same moment gets it."""

import threading
import time
from unittest import mock

from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Case, Check, describe

check = Check("claim")


@check.probe(question="What does claim() return, on each way through it?")
def it_answers(claim):
    """One thread claims a twice."""

    def scenario():
        seen, lock = set(), threading.Lock()
        answers = [claim("a", seen, lock), claim("a", seen, lock)]
        assert None not in answers, f"claims of a, a gave {answers}"

    verdict = explore(scenario)
    return verdict if verdict.kind in ("assertion", "exception") else None


@check.probe(question="Who is told True? What must be in `seen` after a claim, and is the lock free?")
def one_after_the_other(claim):
    """One thread claims a, a, b, a."""

    def scenario():
        seen, lock = set(), threading.Lock()
        answers = [claim(path, seen, lock) for path in ("a", "a", "b", "a")]
        assert answers == [True, False, True, False], f"claims of a, a, b, a gave {answers}"

    return explore(scenario)


@check.probe(
    question="By what does claim() know a path, and what do all others look for in `seen`?"
)
def the_path_itself(claim):
    """One thread claims a/x, b/x, A/x, x, ./x, " x", a, and then c/x, which somebody else has put into `seen`."""

    def scenario():
        seen, lock, paths = {"c/x"}, threading.Lock(), ("a/x", "b/x", "A/x", "x", "./x", " x", "a", "c/x")
        answers = [claim(path, seen, lock) for path in paths]
        assert answers == [True] * 7 + [False], (
            f"c/x was in `seen`; claims of {', '.join(map(repr, paths))} gave {answers}"
        )
        assert seen.issuperset(paths), (
            f"{', '.join(map(repr, paths))} were claimed, and `seen` is {{{', '.join(sorted(map(repr, seen)))}}}"
        )

    return explore(scenario)


def _two_claim(claim):
    def scenario():
        seen, lock, answers = set(), threading.Lock(), []
        together(*[lambda: answers.append(claim("a", seen, lock))] * 2)
        assert sorted(answers) == [False, True], f"two threads claimed a, and were told {answers}"

    return explore(scenario)


@check.probe(
    "wrong_lock",
    kinds=["assertion"],
    question="Which other thread could have that lock?",
)
def a_lock_for_each_call(claim):
    """Two threads claim one path; the locks that claim() makes are counted."""
    made = []
    real = threading.Lock

    def make():
        made.append(real())
        return made[-1]

    with mock.patch.multiple(threading, Lock=make, RLock=make):
        claim("a", set(), real())
    return _two_claim(claim) if made else None


class _Taken:
    """A lock that somebody else has: twice, whoever asks for it with a limit doesn't get it."""

    def __init__(self):
        self._lock, self._refusals, self.refused = threading.Lock(), 2, False

    def acquire(self, blocking=True, timeout=-1):
        self.refused = (not blocking or timeout >= 0) and self._refusals > 0
        self._refusals -= self.refused
        return not self.refused and self._lock.acquire()

    def release(self):
        self._lock.release()

    def locked(self):
        return self._lock.locked()

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *error):
        self.release()


@check.probe()
def a_lock_with_a_limit(claim):
    """One thread claims a. If it asks for the lock with a limit, it doesn't get it at first."""
    lock = _Taken()
    try:
        came = f"returned {claim('a', set(), lock)!r}."
    except Exception as error:
        came = f"raised {describe(error)}"
    if lock.refused:
        raise Case(
            f"acquire() returned False, since somebody else had the lock; then claim() {came}",
            "What does your acquire() return if somebody else has the lock, and what comes next?",
        )


@check.probe(
    "atomic_calls_compose",
    kinds=["assertion"],
    question="From where to where must nobody else touch `seen`?",
)
def two_claim_it(claim):
    """Two threads claim one path."""
    return _two_claim(claim)


@check.probe(
    "wrong_lock",
    kinds=["assertion"],
    question="All who share `seen` take `lock`. Which lock does claim() take?",
)
def somebody_else_has_the_lock(claim):
    """Another thread looks and adds under `lock`, in lines of its own, while claim() runs."""

    def scenario():
        seen, lock, answers = set(), threading.Lock(), []

        def colleague():
            with lock:
                mine = "a" not in seen
                seen.add("a")
            answers.append(mine)

        together(colleague, lambda: answers.append(claim("a", seen, lock)))
        assert sorted(answers) == [False, True], f"two threads claimed a, and were told {answers}"

    return explore(scenario)


def _while_somebody_has_the_lock(claim):
    def scenario():
        seen, lock, answers = set(), threading.Lock(), []

        def busy():
            with lock:
                # Who asks once a second needs less than the lab's 5,000 switch points for that,
                # and who does so ten times a second needs more.
                time.sleep(600)
                seen.add("b")

        together(busy, lambda: answers.append(claim("a", seen, lock)))
        assert answers == [True], f"nobody else wanted a, and its one claim gave {answers[0]}"

    return explore(scenario, bound=0)


@check.probe(
    kinds=["no progress"],
    question="What does the thread do between two looks, and who tells it to look again?",
)
def nobody_polls(claim):
    """Another thread has the lock for ten minutes. Meanwhile claim() has nothing to do."""
    verdict = _while_somebody_has_the_lock(claim)
    return verdict if verdict.kind == "no progress" else None


@check.probe(question="What does claim() do if somebody else has the lock for a while?")
def a_busy_lock(claim):
    """Another thread has the lock for ten minutes, and the path that claim() is asked for is free."""
    return _while_somebody_has_the_lock(claim)


@check.probe(question="At which line is the answer found, and who may change `seen` until then?")
def another_path(claim):
    """One thread claims a, which is claimed already, while another claims b."""

    def scenario():
        seen, lock, answers = set(), threading.Lock(), {}
        claim("a", seen, lock)
        together(
            *[lambda path=path: answers.update({path: claim(path, seen, lock)}) for path in "ab"]
        )
        assert answers == {"a": False, "b": True}, (
            f"a had been claimed, b had not; two threads claimed them, and were told {answers}"
        )

    return explore(scenario)
