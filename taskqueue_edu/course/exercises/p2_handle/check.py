"""A handle: the value before the news of it, each function once, foreign code without the lock."""

import threading
import time
from contextlib import suppress
from unittest import mock

from taskqueue_edu.course.probes import within
from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Check

check = Check("Handle")


@check.probe(question="What belongs to one handle, what to all, and when is each of them made?")
def two_handles(Handle):
    """There are two handles, and one gets a value: the other still waits for its own."""
    called, wrong = [], []

    def ask(handle):
        with suppress(TimeoutError):
            wrong.append(f"result() of the other returned {handle.result(timeout=0.01)!r}")

    def try_it():
        with_one, without = Handle(), Handle()
        without.call_back(called.append)
        ask(without)
        if called or wrong:  # it does so with one handle as well: that is found below
            wrong.clear()
            return
        with_one.set(7)
        if called:
            wrong.append("the function that had asked the other was called")
        ask(without)

    # Not in the lab, which runs it again: what was left behind then would tell another story.
    with suppress(Exception):
        within(2, try_it)
    assert not wrong, f"7 was set in one of two handles, and {' and '.join(wrong)}."


@check.probe(question="What does result() return, when does it raise, and for what does it wait?")
def one_waits_in_vain_and_then_sets(Handle):
    """One thread waits for half a second in vain, sets 42, and asks for the result."""

    def scenario():
        handle = Handle()
        began = time.monotonic()
        try:
            got = handle.result(timeout=0.5)
        except TimeoutError:
            took = time.monotonic() - began
            assert 0.4 < took < 1, f"result(timeout=0.5) waited for {took:.1f} s"
        else:
            raise AssertionError(f"result(timeout=0.5) returned {got!r}, and there is no value yet")
        handle.set(42)
        got = handle.result(timeout=10), handle.result()
        assert got == (42, 42), f"42 was set, and result() returned {got[0]!r}, then {got[1]!r}"
        took = time.monotonic() - began
        assert took < 1, f"42 was there, and result(timeout=10) took {took:.0f} s"

    verdict = explore(scenario)
    return verdict if verdict.kind in ("assertion", "exception") else None


def _alone(Handle):
    """Give what was called until set() came back, and then until a function had asked that is late."""
    handle, called = Handle(), []

    def asks_twice(one):
        called.append(("twice", one.result()))

    handle.call_back(lambda one: called.append(("once", one.result())))
    handle.call_back(asks_twice)
    handle.call_back(asks_twice)
    handle.set(42)
    early = sorted(called)
    handle.call_back(lambda one: called.append(("late", one.result())))
    assert handle.result() == 42, f"42 was set, and the result is {handle.result()!r}"
    return early, called[len(early) :]


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


@check.probe(question="Is the value there for all who ask, when the functions are called?")
def a_function_looks(Handle):
    """One thread sets 42, and the function that is called asks for the result, with `timeout=0`."""

    def scenario():
        handle, seen = Handle(), []

        def function(one):
            try:
                seen.append(one.result(timeout=0))
            except TimeoutError as error:
                seen.append(error)

        handle.call_back(function)
        assert not seen, f"nothing was set yet; a function was called, and got {seen[0]!r}"
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

    verdict = explore(scenario)
    return verdict if not verdict and explore(with_rlocks) else None


@check.probe(question="When is each function called, by which thread, with what, and how often?")
def alone(Handle):
    """Before there is a value a function asks to be called, and another asks twice; a third is late."""

    def scenario():
        early, late = _alone(Handle)
        assert early == [("once", 42), ("twice", 42), ("twice", 42)], (
            "one function asked to be called with the handle, another asked twice, and 42 was set; "
            f"when set() came back, these calls had been made: {early}"
        )
        assert late == [("late", 42)], (
            f"a function asked when 42 was there; when call_back() came back, of new calls there "
            f"were these: {late}"
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


@check.probe(question="How long does result() wait if it gets no `timeout`?")
def two_wait(Handle):
    """Two threads wait for the result, and one asks to be called, and sets it."""

    def scenario():
        handle, got = Handle(), []

        def asks_and_sets():
            handle.call_back(lambda one: None)
            handle.set(42)

        together(asks_and_sets, *[lambda: got.append(handle.result())] * 2)
        assert got == [42, 42], f"42 was set; the threads that waited got {got}"

    return explore(scenario)


@check.probe(
    kinds=["deadlock", "lost wakeup", "assertion"],
    question="How long may result(timeout=0) wait, and how long does yours with `None`?",
)
def without_a_wait(Handle):
    """One thread asks for the result with `timeout=0`, and there is none."""

    def scenario():
        try:
            got = Handle().result(timeout=0)
        except TimeoutError:
            return
        raise AssertionError(f"result(timeout=0) returned {got!r}, and there is no value yet")

    return explore(scenario)


@check.probe(
    question="What does a thread find that asks while another is in the middle of result()?"
)
def two_ask_at_once(Handle):
    """42 is set, and then two threads ask for the result at once, with `timeout=0`."""

    def scenario():
        handle, got = Handle(), []
        handle.set(42)

        def asks():
            try:
                got.append(handle.result(timeout=0))
            except TimeoutError as error:
                got.append(error)

        together(asks, asks)
        assert got == [42, 42], f"42 was set; two threads that asked got {got}"

    return explore(scenario)


@check.probe(
    kinds=["no progress"],
    question="What does the thread do between two looks, and who tells it to look again?",
)
def nobody_polls(Handle):
    """A thread waits for a value that comes after ten days. Meanwhile it has nothing to do."""

    def scenario():
        handle = Handle()

        def late():
            time.sleep(10 * 24 * 60 * 60)
            handle.set(42)

        together(handle.result, late)

    return explore(scenario, bound=0)


@check.probe(question="By what does your handle know that there is a value?")
def none_is_a_value(Handle):
    """None is set; a thread asks for the result, and one function before and one after asks, too."""

    def scenario():
        handle, called = Handle(), []
        handle.call_back(lambda one: called.append("early"))
        handle.set(None)
        got = handle.result(timeout=1)
        assert got is None, f"None was set, and result() returned {got!r}"
        handle.call_back(lambda one: called.append("late"))
        assert called == ["early", "late"], (
            f"None was set; of two functions, one early and one late, these were called: {called}"
        )

    verdict = explore(scenario)
    return None if verdict.kind == "deadlock" else verdict


@check.probe(
    "atomic_calls_compose",
    kinds=["assertion"],
    question="After which line of set(), or of call_back(), must the other one not come in?",
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


@check.probe(
    kinds=["deadlock", "lost wakeup"],
    question="For whom may a function wait, and when do you let them go on?",
)
def the_function_waits_for_a_client(Handle):
    """A client waits in result(). The function that is called waits for that client to go on."""

    def scenario():
        handle, goes_on = Handle(), threading.Event()
        handle.call_back(lambda one: goes_on.wait())

        def client():
            handle.result()
            goes_on.set()

        together(client, lambda: handle.set(42))

    return explore(scenario)
