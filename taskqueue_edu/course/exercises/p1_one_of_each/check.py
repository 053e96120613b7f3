"""All who ask for a path get the same object, whoever else asks at that moment."""

import threading
import time
from contextlib import suppress
from unittest import mock

from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Check

check = Check("Files")


@check.probe(question="When is a SourceFile made, when is one found, and is the lock free then?")
def one_after_the_other(Files):
    """One thread asks for five paths and for each once more, by an equal text; then another asks."""

    def scenario():
        files, names = Files(), "abcde"
        first = [files.get(f"{name}.py") for name in names]
        if None in first:
            raise AssertionError("get() returned None: one of its ways ends without `return`")
        paths = [file.path for file in first]
        assert paths == [f"{name}.py" for name in names], f"get() gave the files of {paths}"
        again = [files.get(f"{name}.py") for name in names]
        for name, one, other in zip(names, first, again, strict=True):
            assert one is other, f"get('{name}.py') made a second object, though there was one"
        together(lambda: files.get("a.py"))
        together(lambda: files.get("f.py"))

    return explore(scenario)


@check.probe(question="Who gives the lock back if a line raises?")
def the_lock_is_free_after_an_error(Files):
    """get([]) raises, as a list is no key; then another thread asks for a.py."""

    def scenario():
        files = Files()
        with suppress(Exception):
            files.get([])
        together(lambda: files.get("a.py"))

    return explore(scenario)


@check.probe(question="Where is the dict made, and how often?")
def each_has_its_own_files(Files):
    """Two indexes are asked for one path."""
    one, other = Files().get("a.py"), Files().get("a.py")
    assert one is not other, "Two indexes gave out one object: they share a dict."


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


@check.probe(question="What can the other thread do while the object is being made?")
def an_object_takes_a_while(Files):
    """There is one file. Two threads ask for another, and it takes a second to make its object."""
    SourceFile = type(Files().get("a.py"))
    real = SourceFile.__init__

    def slow(self, *args, **kwargs):
        time.sleep(1)
        real(self, *args, **kwargs)

    def scenario():
        files, got = Files(), []
        files.get("a.py")
        together(*[lambda: got.append(files.get("b.py"))] * 2)
        assert got[0] is got[1], "two threads asked for b.py, and each has an object of its own"

    with mock.patch.object(SourceFile, "__init__", slow):
        return explore(scenario)
