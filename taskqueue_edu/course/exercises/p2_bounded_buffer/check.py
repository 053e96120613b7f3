"""A bounded buffer: its order, its bound, its timeouts, and who wakes whom."""

import threading
import time
from queue import Empty, Full

from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Check

check = Check("BoundedBuffer")


def _attempt(call, *args, **kwargs):
    try:
        return call(*args, **kwargs)
    except (Full, Empty) as error:
        return type(error).__name__


@check.probe(
    "notify_is_remembered",
    kinds=["lost wakeup"],
    question="What must get() look at before it goes to sleep, and what must it have then?",
)
def one_puts_and_one_gets(BoundedBuffer):
    """One thread puts an item, another gets it, in every order."""

    def scenario():
        buffer, got = BoundedBuffer(1), []
        together(lambda: buffer.put("a"), lambda: got.append(buffer.get()))
        assert got == ["a"], f"a was put, and {got} came out"

    return explore(scenario)


@check.probe(question="Which end of the deque does each method use, and what ends a wait?")
def one_thread(BoundedBuffer):
    """One thread puts and gets; then it finds the buffer full, then empty, with a timeout."""

    def scenario():
        buffer = BoundedBuffer(2)
        buffer.put("a")
        buffer.put("b")
        began = time.monotonic()
        full = _attempt(buffer.put, "c", timeout=0.5)
        assert full == "Full", f"put() into a full buffer, timeout=0.5: {full!r}, expected Full"
        took = time.monotonic() - began
        assert 0.4 < took < 1, f"put() with timeout=0.5 waited for {took:.1f} s"
        out = [buffer.get(), buffer.get()]
        assert out == ["a", "b"], f"a, b went in; {out} came out"
        empty = _attempt(buffer.get, timeout=0.5)
        assert empty == "Empty", f"get() of an empty buffer, timeout=0.5: {empty!r}, expected Empty"

    return explore(scenario)


@check.probe(question="What does the thread do between two looks, and who tells it to look again?")
def nobody_polls(BoundedBuffer):
    """A thread waits for an item that comes after an hour."""

    def scenario():
        buffer, got, looks = BoundedBuffer(1), [], []
        real = time.sleep

        def counted(seconds):
            looks.append(seconds)
            real(seconds)

        getter = threading.Thread(target=lambda: got.append(buffer.get()))
        time.sleep = counted
        try:
            getter.start()
            real(0.1)
            assert not looks, "get() sleeps and looks, again and again, while there is nothing to get"
        finally:
            time.sleep = real
            buffer.put("a")
            getter.join()

    return explore(scenario)


@check.probe(
    "if_around_wait",
    kinds=["exception", "assertion"],
    question="Who else may have been there before the thread that was woken?",
)
def two_get(BoundedBuffer):
    """Two threads get, and one puts two items."""

    def scenario():
        buffer, got = BoundedBuffer(2), []

        def put_two():
            buffer.put("a")
            buffer.put("b")

        def get_one():
            got.append(buffer.get())

        together(put_two, get_one, get_one)
        assert sorted(map(str, got)) == ["a", "b"], f"a and b were put; {got} came out"

    return explore(scenario)


@check.probe(
    "if_around_wait",
    kinds=["exception", "assertion"],
    question="Is there still a place when the thread that was woken has the lock again?",
)
def two_put(BoundedBuffer):
    """Two threads put an item each into one place, and look at the bound; one gets both."""

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

        together(lambda: put("b"), lambda: put("c"), get_all)
        assert most == [False], "a buffer with 1 place held two items"

    return explore(scenario)


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

        together(get_one, get_one, lambda: buffer.put("a"), lambda: buffer.put("b"))
        assert sorted(got) == ["a", "b"], f"a and b were put; {got} came out"

    return explore(scenario)
