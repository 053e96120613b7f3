"""A handle: the value before the news of it, each function once, foreign code without the lock."""

import threading
from unittest import mock

from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Check

check = Check("Handle")


def _alone(Handle):
    handle, called = Handle(), []
    handle.call_back(lambda one: called.append(("early", one.result())))
    try:
        handle.result(timeout=0.5)
    except TimeoutError:
        pass
    else:
        raise AssertionError("result(timeout=0.5) returned, and there is no value yet")
    handle.set(42)
    handle.call_back(lambda one: called.append(("late", one.result())))
    assert handle.result() == 42, f"42 was set, and the result is {handle.result()!r}"
    return called


def _waits(Handle):
    handle, got = Handle(), []
    together(lambda: handle.set(42), lambda: got.append(handle.result()))
    assert got == [42], f"42 was set; the thread that waited got {got[0]!r}"


@check.probe(
    "done_before_result",
    kinds=["assertion"],
    question="What can a thread see between the two lines that say and store it?",
)
def one_sets_and_one_waits(Handle):
    """One thread sets 42, another waits for the result; a function looks at it, too."""

    def scenario():
        _waits(Handle)
        handle, seen = Handle(), []
        handle.call_back(lambda one: seen.append(one.result()))
        handle.set(42)
        assert seen in ([], [42]), f"42 was set; the function that was called got {seen[0]!r}"

    verdict = explore(scenario)
    return verdict if verdict.kind == "assertion" else None


@check.probe(
    "lock_is_reentrant",
    kinds=["deadlock"],
    question="Which lock does the thread wait for, and who has it?",
)
def one_thread_takes_it_twice(Handle):
    """One thread sets a value and asks to be called. It would end if each Lock were an RLock."""

    def with_rlocks():
        with mock.patch.object(threading, "Lock", threading.RLock):
            _alone(Handle)
            _waits(Handle)

    def scenario():
        handle = Handle()
        handle.set(42)
        handle.result()

    return explore(scenario) if explore(with_rlocks) else None


@check.probe(question="When is each function called, and what does result() do when time is over?")
def alone(Handle):
    """One thread asks to be called before there is a value, and after."""

    def scenario():
        called = _alone(Handle)
        assert called == [("early", 42), ("late", 42)], (
            f"two functions asked to be called with the handle of 42; what happened: {called}"
        )

    verdict = explore(scenario)
    # A call under the lock gets its name below.
    return None if verdict.kind == "deadlock" and _called_under_the_lock(Handle) else verdict


def _called_under_the_lock(Handle):
    """Look whether all is well if a function does nothing."""

    def scenario():
        handle = Handle()
        handle.call_back(lambda one: None)
        handle.set(42)
        handle.call_back(lambda one: None)

    return bool(explore(scenario))


@check.probe(
    "atomic_calls_compose",
    kinds=["assertion"],
    question="What if set() runs between the question and what you do then?",
)
def one_sets_and_one_asks(Handle):
    """One thread sets 42 while another asks to be called: it must be called once."""

    def scenario():
        handle, called = Handle(), []
        together(lambda: handle.set(42), lambda: handle.call_back(lambda one: called.append(1)))
        assert len(called) == 1, f"a function asked to be called, and was {len(called)} times"

    return explore(scenario)


@check.probe(
    "lock_held_through_call",
    kinds=["deadlock"],
    question="Which lock does your thread have while it calls a function that it does not know?",
)
def the_function_waits_for_another_thread(Handle):
    """Functions that are called start a thread which asks the handle, too, and wait for it."""

    def scenario():
        handle, called = Handle(), []

        def function(one):
            together(lambda: one.call_back(called.append), lambda: called.append(one.result()))

        handle.call_back(function)
        handle.set(42)
        handle.call_back(function)
        assert len(called) == 4, f"four answers were asked for, and {len(called)} came"

    return explore(scenario)
