"""All who ask for a path get the same object, whoever else asks at that moment."""

import threading
from unittest import mock

from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Check

check = Check("Files")


@check.probe(question="When is a SourceFile made, when is one found, and is the lock free then?")
def one_after_the_other(Files):
    """One thread asks for a.py, b.py, and a.py once more."""

    def scenario():
        files = Files()
        first, other, again = (files.get(path) for path in ("a.py", "b.py", "a.py"))
        assert [first.path, other.path] == ["a.py", "b.py"], (
            f"get('a.py') is of {first.path}, get('b.py') of {other.path}"
        )
        assert first is again, "get('a.py') made a second object, though there was one"

    return explore(scenario)


def _two_ask(Files):
    def scenario():
        files, got = Files(), []
        together(*[lambda: got.append(files.get("a.py"))] * 2)
        assert got[0] is got[1], "two threads asked for a.py, and each has an object of its own"

    return explore(scenario)


@check.probe(
    "wrong_lock",
    kinds=["assertion"],
    question="Which other thread could have the lock that get() takes?",
)
def a_lock_for_each_call(Files):
    """Two threads ask for one path; the locks that get() makes are counted."""
    files, made = Files(), []
    real = threading.Lock

    def make():
        made.append(real())
        return made[-1]

    with mock.patch.multiple(threading, Lock=make, RLock=make):
        files.get("a.py")
    return _two_ask(Files) if made else None


@check.probe(
    "atomic_calls_compose",
    kinds=["assertion"],
    question="From which line to which must nobody else touch `_files`?",
)
def two_ask_at_once(Files):
    """Two threads ask for one path."""
    return _two_ask(Files)
