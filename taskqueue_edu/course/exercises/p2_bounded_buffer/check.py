"""A bounded buffer: its order, its bound, its timeouts, and who wakes whom."""

import threading
import time
from contextlib import suppress
from functools import cache, partial
from queue import Empty, Full
from unittest import mock

from taskqueue_edu.course.probes import within
from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.interleave.locks import Condition
from taskqueue_edu.lab.probes import Check

check = Check("BoundedBuffer")

# Schedules. Whoever just waits has at most 500 of them; who looks again by itself, many more.
_ENOUGH = 600


def _attempt(call, *args, **kwargs):
    try:
        return call(*args, **kwargs)
    except Full:  # or a class of its own, such as taskqueue_edu's QueueFull
        return "Full"
    except Empty:
        return "Empty"


@check.probe(question="What belongs to one buffer, what to all, and when is each of them made?")
def two_buffers(BoundedBuffer):
    """There are two buffers, and an item is put into one: the other is still empty."""
    wrong = []

    def try_it():
        filled, empty = BoundedBuffer(1), BoundedBuffer(1)
        before = _attempt(empty.get, timeout=0.01)
        filled.put("a")
        got = _attempt(empty.get, timeout=0.01)
        if before == "Empty" != got:
            wrong.append(
                f"a was put into one of two buffers, and get() of the other returned {got!r}"
            )

    # Not in the lab, which runs it again: what was left behind then would tell another story.
    with suppress(Exception):  # what goes wrong with one buffer is found below
        within(2, try_it)
    assert not wrong, f"{wrong[0]}."


@check.probe(question="What does get() return, and which line of it does so?")
def what_comes_out(BoundedBuffer):
    """One thread puts an item, and gets it."""

    def scenario():
        buffer = BoundedBuffer(1)
        buffer.put("a")
        got = buffer.get()
        assert got == "a", f"a was put, and get() returned {got!r}"

    verdict = explore(scenario)
    return verdict if verdict.kind == "assertion" else None


@check.probe(
    kinds=["no progress"],
    question="What does the thread do between two looks, and who tells it to look again?",
)
def nobody_polls(BoundedBuffer):
    """A thread waits for an item that comes after 200 s, then one for a place, also with a timeout."""

    def scenario(timeout):
        buffer = BoundedBuffer(1)

        def late(call, *args):
            time.sleep(200)
            call(*args)

        # 400 s in all: who looks again once a second needs less than the lab's 5,000 switch
        # points for it, and who does so ten times a second needs more.
        together(lambda: buffer.get(timeout=timeout), lambda: late(buffer.put, "a"))
        buffer.put("b")
        together(lambda: buffer.put("c", timeout=timeout), lambda: late(buffer.get))

    found = [explore(lambda: scenario(timeout), bound=0) for timeout in (None, 300)]
    return next((verdict for verdict in found if verdict.kind == "no progress"), None)


@cache
def _one_puts_and_one_gets(BoundedBuffer):
    def scenario():
        buffer, got = BoundedBuffer(1), []

        def get_one():
            got.append(buffer.get())

        together(partial(buffer.put, "a"), get_one)
        assert got == ["a"], f"a was put, and {got} came out"

    return explore(scenario)


def _gave_up(verdict):
    return verdict.kind == "exception" and verdict.message.startswith(("Empty in ", "Full in "))


_NO_LIMIT = (
    "Nobody gave a limit: what must be true before a call gives up, and how does yours wait for "
    "None? (In the lab any limit, however long, is over when nobody else can run, perhaps earlier.)"
)


@check.probe(question=_NO_LIMIT)
def without_a_limit_it_waits(BoundedBuffer):
    """One thread puts an item, another gets it. Neither gives a timeout."""
    verdict = _one_puts_and_one_gets(BoundedBuffer)
    return verdict if _gave_up(verdict) else None


@check.probe(question="After which line of put() is the item there, and after which does get() know?")
def what_is_told_is_there(BoundedBuffer):
    """One thread puts an item, another gets it."""
    verdict = _one_puts_and_one_gets(BoundedBuffer)
    return verdict if verdict.kind in ("assertion", "exception") else None


@check.probe(
    "notify_is_remembered",
    kinds=["lost wakeup"],
    question="What must get() look at before it goes to sleep, and what must it have then?",
)
def one_puts_and_one_gets(BoundedBuffer):
    """One thread puts an item, another gets it, in every order."""
    return _one_puts_and_one_gets(BoundedBuffer)


@check.probe(question="At which end does put() add, and at which does get() take?")
def the_oldest_first(BoundedBuffer):
    """One thread puts two items, and gets them."""

    def scenario():
        buffer = BoundedBuffer(2)
        buffer.put("a")
        buffer.put("b")
        out = [buffer.get(), buffer.get()]
        assert out == ["a", "b"], f"a, b went in; {out} came out"

    return explore(scenario)


@check.probe(question="Which error is put() to raise when its time is over, and which get()?")
def which_error(BoundedBuffer):
    """One thread puts into a full buffer, and gets from an empty one, with a timeout."""

    def raised(call, *args):
        try:
            return _attempt(call, *args, timeout=0.5)
        except TimeoutError as error:
            return type(error).__name__

    def scenario():
        full = BoundedBuffer(1)
        full.put("a")
        error = raised(full.put, "b")
        assert error not in ("Empty", "TimeoutError"), (
            f"put() into a full buffer, timeout=0.5, raised {error}, expected Full"
        )
        error = raised(BoundedBuffer(1).get)
        assert error not in ("Full", "TimeoutError"), (
            f"get() of an empty buffer, timeout=0.5, raised {error}, expected Empty"
        )

    verdict = explore(scenario)
    return verdict if verdict.kind == "assertion" else None


@check.probe(
    question="When is the buffer full, and how does a call learn that its time is over?",
)
def one_thread(BoundedBuffer):
    """One thread finds the buffer full, then empty, with a timeout."""

    def scenario():
        buffer = BoundedBuffer(2)
        buffer.put("a")
        buffer.put("b")
        began = time.monotonic()
        full = _attempt(buffer.put, "c", timeout=0.5)
        assert full == "Full", f"put() into a full buffer, timeout=0.5: {full!r}, expected Full"
        took = time.monotonic() - began
        assert 0.4 < took < 1, f"put() with timeout=0.5 waited for {took:.2f} s"
        buffer.get()
        buffer.get()
        began = time.monotonic()
        empty = _attempt(buffer.get, timeout=0.5)
        assert empty == "Empty", f"get() of an empty buffer, timeout=0.5: {empty!r}, expected Empty"
        took = time.monotonic() - began
        assert 0.4 < took < 1, f"get() with timeout=0.5 waited for {took:.2f} s"

    return explore(scenario)


@check.probe(
    kinds=["assertion", "deadlock", "lost wakeup"],
    question="How long may a call with `timeout=0` wait, and how long does yours with `None`?",
)
def without_a_wait(BoundedBuffer):
    """One thread puts and gets with `timeout=0`: when there is no need to wait, and when there is."""

    def scenario():
        buffer = BoundedBuffer(1)
        buffer.put("a", timeout=0)
        full = _attempt(buffer.put, "b", timeout=0)
        assert full == "Full", f"put() into a full buffer, timeout=0: {full!r}, expected Full"
        got = buffer.get(timeout=0)
        assert got == "a", f"a was put, and get(timeout=0) returned {got!r}"
        empty = _attempt(buffer.get, timeout=0)
        assert empty == "Empty", f"get() of an empty buffer, timeout=0: {empty!r}, expected Empty"

    return explore(scenario)


@check.probe(question="What has a call changed that gives up, and which lines put it right?")
def a_call_that_gives_up_changes_nothing(BoundedBuffer):
    """One thread gets, puts, puts, gets and gets, with one place and `timeout=0`, and once more."""

    def scenario():
        buffer, came = BoundedBuffer(1), []
        for _ in range(2):
            came.append(_attempt(buffer.get, timeout=0))
            full = [_attempt(buffer.put, item, timeout=0) == "Full" for item in "ab"]
            came += ["Full" if one else "put" for one in full]
            came += [_attempt(buffer.get, timeout=0) for _ in range(2)]
        assert came == ["Empty", "put", "Full", "a", "Empty"] * 2, (
            f"of get, put a, put b, get, get, twice and with timeout=0, came {', '.join(map(str, came))}"
        )

    return explore(scenario)


@check.probe(question="By what does get() know that there is an item?")
def any_item(BoundedBuffer):
    """One thread puts 0 and None, and gets them."""

    def scenario():
        buffer = BoundedBuffer(2)
        buffer.put(0)
        buffer.put(None)
        out = [_attempt(buffer.get, timeout=1) for _ in range(2)]
        assert out == [0, None], f"0 and None went in; of two calls of get() came {out}"

    return explore(scenario)


def _looks_once(BoundedBuffer, call, *args):
    """Tell whether a call goes on that was woken for nothing: whoever looks again sleeps again."""
    woken, wait = [], Condition.wait

    def wakes_for_nothing(condition, timeout=None):
        if woken:
            return wait(condition, timeout)
        woken.append(condition)
        return True

    def scenario():
        woken.clear()
        buffer = BoundedBuffer(1)
        if call == "put":
            buffer.put("a")
        getattr(buffer, call)(*args)

    with mock.patch.object(Condition, "wait", wakes_for_nothing):
        return explore(scenario).kind not in ("deadlock", "lost wakeup")


@cache
def _two_get(BoundedBuffer):
    def scenario():
        buffer, got = BoundedBuffer(2), []

        def put_two():
            buffer.put("a")
            buffer.put("b")

        def get_one():
            got.append(buffer.get())

        together(put_two, get_one, get_one)
        assert sorted(map(str, got)) == ["a", "b"], f"a and b were put; {got} came out"

    return explore(scenario, budget=_ENOUGH)


@check.probe(question=_NO_LIMIT)
def without_a_limit_nobody_gives_up(BoundedBuffer):
    """Two threads get, and one puts two items; or two put, and one gets. Nobody gives a timeout."""
    return next(filter(_gave_up, (_two_get(BoundedBuffer), _two_put(BoundedBuffer))), None)


@check.probe(
    "if_around_wait",
    kinds=["exception", "assertion"],
    question="Who else may have been there before the thread that was woken?",
)
def two_get(BoundedBuffer):
    """Two threads get, and one puts two items."""
    return _two_get(BoundedBuffer) if _looks_once(BoundedBuffer, "get") else None


@check.probe(
    kinds=["lost wakeup"],
    question="How many may wait when an item comes, and for which items does put() tell nobody?",
)
def each_item_is_told(BoundedBuffer):
    """Two threads get, and one puts two items, the second perhaps before a getter has run."""
    verdict = _two_get(BoundedBuffer)
    return verdict if verdict.kind == "lost wakeup" else None


@check.probe(question="Which lock has a thread when it looks, and which when it takes an item out?")
def two_get_at_once(BoundedBuffer):
    """Two threads get, and one puts two items: each item comes out once."""
    return _two_get(BoundedBuffer)


def _two_put_and_one_is_taken_out(BoundedBuffer, look):
    """Two threads put into a full buffer. `look` gets how many are done, before and after a get."""

    def scenario():
        buffer, done = BoundedBuffer(1), []
        buffer.put("a")

        def put(item):
            buffer.put(item)
            done.append(item)

        def get_one():
            time.sleep(1)  # until all that can go on has gone on
            early = len(done)
            buffer.get()
            time.sleep(1)
            look(early, len(done))
            together(buffer.get, buffer.get)

        together(partial(put, "b"), partial(put, "c"), get_one)

    verdict = explore(scenario, bound=0)
    return verdict if verdict.kind == "assertion" else None


@check.probe(question="What does put() do until there is a place?")
def who_puts_waits_for_a_place(BoundedBuffer):
    """Two threads put an item each into a full buffer: they don't come back before there is a place."""

    def look(early, _):
        assert not early, (
            f"two threads put into a full buffer, and {early} had come back when nothing had been "
            "taken out"
        )

    return _two_put_and_one_is_taken_out(BoundedBuffer, look)


@check.probe(question="Who tells a thread that waits in put(), and what does it look at then?")
def one_of_them_goes_on(BoundedBuffer):
    """Two threads wait in put(), and an item is taken out: one of them comes back."""

    def look(_, done):
        assert done, "two threads waited in put(), one item was taken out, and none had come back"

    return _two_put_and_one_is_taken_out(BoundedBuffer, look)


@cache
def _two_put(BoundedBuffer):
    def scenario():
        buffer, inside, most = BoundedBuffer(1), threading.Semaphore(0), []
        buffer.put("a")

        def put(item):
            buffer.put(item)
            inside.release()

        def get_all():
            out = [buffer.get()]
            inside.acquire()
            time.sleep(1)  # until all that can go on has gone on: time passes when nobody runs
            most.append(inside.acquire(blocking=False))
            out += [buffer.get(), buffer.get()]
            assert sorted(out) == ["a", "b", "c"], f"a, b, c went in; {out} came out"

        together(partial(put, "b"), partial(put, "c"), get_all)
        assert most == [False], "a buffer with 1 place held two items"

    return explore(scenario, budget=_ENOUGH)


@check.probe(
    "if_around_wait",
    kinds=["exception", "assertion"],
    question="Is there still a place when the thread that was woken has the lock again?",
)
def two_put(BoundedBuffer):
    """Two threads put an item each into one place, and look at the bound; one gets both."""
    return _two_put(BoundedBuffer) if _looks_once(BoundedBuffer, "put", "b") else None


@check.probe(question="Which lock has a thread when it looks, and which when it puts an item in?")
def two_put_at_once(BoundedBuffer):
    """Two threads put an item each into one place: it never holds both."""
    return _two_put(BoundedBuffer)


@check.probe(
    "notify_wakes_the_right_one",
    kinds=["lost wakeup", "deadlock"],
    question="Who waits on this condition, and for what?",
)
def getters_and_putters_wait(BoundedBuffer):
    """Two threads get, two put, and there is one place."""

    def scenario():
        buffer, got = BoundedBuffer(1), []

        def get_one():
            got.append(buffer.get())

        together(get_one, get_one, partial(buffer.put, "a"), partial(buffer.put, "b"))
        assert sorted(got) == ["a", "b"], f"a and b were put; {got} came out"

    return explore(scenario, budget=_ENOUGH)


@check.probe(
    kinds=["lost wakeup", "deadlock"], question="Who waits on this condition, and for what?"
)
def two_buffers_are_empty(BoundedBuffer):
    """A thread gets from one buffer, another from a second one, and into each an item is put."""

    def scenario():
        one, other = BoundedBuffer(1), BoundedBuffer(1)

        def put_both():
            other.put("b")
            time.sleep(1)  # until all that can go on has gone on
            one.put("a")

        together(one.get, other.get, put_both)

    return explore(scenario, bound=0)


@check.probe(question="Which locks has a thread while it waits, and who else needs them?")
def a_get_that_gives_up(BoundedBuffer):
    """A thread gets. Another gets with a timeout, gives up, and puts what the first waits for."""

    def scenario():
        buffer, got = BoundedBuffer(1), []

        def gives_up_and_puts():
            empty = _attempt(buffer.get, timeout=1)
            assert empty == "Empty", f"get() of an empty buffer, timeout=1: {empty!r}"
            buffer.put("a")

        def get_one():
            got.append(buffer.get())

        together(get_one, gives_up_and_puts)
        assert got == ["a"], f"a was put, and {got} came out"

    return explore(scenario, bound=0)


@check.probe(question="Which locks has a thread while it waits, and who else needs them?")
def a_put_that_gives_up(BoundedBuffer):
    """A thread puts. Another puts with a timeout, gives up, and makes the place free."""

    def scenario():
        buffer = BoundedBuffer(1)
        buffer.put("a")

        def gives_up_and_gets():
            full = _attempt(buffer.put, "b", timeout=1)
            assert full == "Full", f"put() into a full buffer, timeout=1: {full!r}"
            buffer.get()

        together(partial(buffer.put, "c"), gives_up_and_gets)
        out = buffer.get()
        assert out == "c", f"c was put, and {out} came out"

    return explore(scenario, bound=0)


@check.probe(
    kinds=["lost wakeup", "deadlock"],
    question="A notification may go to a thread whose time is just up. What must it look at then?",
)
def a_get_whose_time_is_up(BoundedBuffer):
    """A thread gets, another gets with a timeout and puts back what it got, a third puts an item."""

    def scenario():
        buffer, got = BoundedBuffer(2), []

        def hasty():
            item = _attempt(buffer.get, timeout=1)
            if item != "Empty":
                buffer.put(item)

        def get_one():
            got.append(buffer.get())

        together(hasty, get_one, partial(buffer.put, "a"))
        assert got == ["a"], f"a was put, and {got} came out"

    return explore(scenario)


@check.probe(
    kinds=["lost wakeup", "deadlock"],
    question="Which threads were woken, for what did each of them wait, and who was not woken?",
)
def many_wait(BoundedBuffer):
    """Four threads get, two put two items each, and there is one place: the first 300 orders."""

    def scenario():
        buffer = BoundedBuffer(1)

        def put_two():
            buffer.put("a")
            buffer.put("b")

        together(*[buffer.get] * 4, put_two, put_two)

    return explore(scenario, bound=0, budget=300)


@cache
def _two_places(BoundedBuffer):
    """Two threads put into a full buffer of three places, and a third makes two free at once."""

    def scenario():
        buffer = BoundedBuffer(3)
        for item in "abc":
            buffer.put(item)

        def get_two():
            buffer.get()
            buffer.get(timeout=5)

        together(partial(buffer.put, "d"), partial(buffer.put, "e"), get_two)
        out = [buffer.get() for _ in range(3)]
        assert out in (["c", "d", "e"], ["c", "e", "d"]), (
            f"a, b, c went in, d and e when a and b were out; then {out} came out"
        )

    return explore(scenario, bound=0)


@check.probe(question="At which end does put() add, whether or not it has waited?")
def who_has_waited_is_the_last(BoundedBuffer):
    """Two threads wait for places, behind three items; two are taken out, and then the others."""
    verdict = _two_places(BoundedBuffer)
    return verdict if verdict.kind == "assertion" else None


@check.probe(
    kinds=["lost wakeup", "deadlock"],
    question="On which ways through put() and get() does nobody learn of the change?",
)
def each_change_is_told(BoundedBuffer):
    """Two threads wait. Two calls, the second with a timeout, make two places free, or put two."""

    def scenario():
        buffer = BoundedBuffer(3)

        def put_two():
            buffer.put("a")
            buffer.put("b", timeout=5)

        together(buffer.get, buffer.get, put_two)

    return _two_places(BoundedBuffer) and explore(scenario, bound=0)


def _in_time(BoundedBuffer, call, *args, first, then):
    """Look when a call with `timeout=10` gives up, if what it waits for comes and goes."""

    def scenario():
        buffer, took = BoundedBuffer(1), []
        if call == "put":
            buffer.put("old")

        def waits():
            began = time.monotonic()
            came = _attempt(getattr(buffer, call), *args, timeout=10)
            took.append(time.monotonic() - began)
            gave_up = came in ("Empty", "Full")
            assert not gave_up or took[0] > 9.5, (
                f"{call}() with timeout=10 raised {came} after {took[0]:.0f} s"
            )

        def comes_and_goes():
            time.sleep(6)
            first(buffer)
            then(buffer)

        together(waits, comes_and_goes)
        assert took[0] < 10.5, f"{call}() with timeout=10 took {took[0]:.0f} s"

    # Without a preemption no time passes where a thread is slow, only where all of them wait.
    return explore(scenario, bound=0)


@check.probe(question="After a wakeup for nothing, how much of the time is left?")
def the_time_goes_on(BoundedBuffer):
    """A thread waits with a timeout; after 6 of 10 s somebody wakes it, and is faster than it."""
    return _in_time(
        BoundedBuffer,
        "get",
        first=lambda buffer: buffer.put("a"),
        then=lambda buffer: _attempt(buffer.get, timeout=0),
    )


@check.probe(question="After a wakeup for nothing, how much of the time is left?")
def the_time_goes_on_for_a_put(BoundedBuffer):
    """A thread waits with a timeout for a place, which is there after 6 of 10 s, and taken."""
    return _in_time(
        BoundedBuffer,
        "put",
        "a",
        first=lambda buffer: _attempt(buffer.get, timeout=0),
        then=lambda buffer: _attempt(buffer.put, "new", timeout=0),
    )


@check.probe(question="Who tells a thread that waits, and which line of it goes on then?")
def who_waits_is_woken(BoundedBuffer):
    """A thread waits for an item that comes after 1.7 s, then one for a place: each goes on then."""

    def scenario(timeout):
        buffer = BoundedBuffer(1)

        def late(call, *args):
            time.sleep(1.7)
            call(*args)

        def waits(call, *args, what):
            began = time.monotonic()
            call(*args, timeout=timeout)
            took = time.monotonic() - began
            assert took < 1.8, f"{what} was there after 1.7 s, and the call came back after {took:.1f} s"

        together(lambda: waits(buffer.get, what="an item"), lambda: late(buffer.put, "a"))
        buffer.put("b")
        together(lambda: waits(buffer.put, "c", what="a place"), lambda: late(buffer.get))

    found = [explore(lambda: scenario(timeout), bound=0) for timeout in (None, 20)]
    return next((verdict for verdict in found if verdict.kind == "assertion"), None)
