"""The pending queue: order, delays, and threads that wait for both."""

from __future__ import annotations

import math
import signal
import threading
import weakref
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from types import SimpleNamespace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from taskqueue_edu import PendingQueue, pending
from taskqueue_edu.errors import QueueClosed

LIMIT = 20.0
"""Seconds after which a thread that should have ended counts as stuck."""


class Clock:
    """Stands still until a test moves it. It notes which threads have looked at it.

    `get` looks at the clock with the lock held, before it waits. So a thread that has looked,
    and let the lock go since, waits.
    """

    def __init__(self) -> None:
        self.now = 1_000.0
        self._looked: set[int] = set()
        self._changed = threading.Condition()

    def __call__(self) -> float:
        with self._changed:
            self._looked.add(threading.get_ident())
            self._changed.notify_all()
        return self.now

    def forget(self) -> None:
        with self._changed:
            self._looked.clear()

    def until_waiting(self, queue: PendingQueue[str], *idents: int | None) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._looked.issuperset(idents), LIMIT)
        queue.discard("not there")  # takes the lock


class Getter:
    """A thread that gets one item, or finds the queue closed."""

    def __init__(self, queue: PendingQueue[str], taken: SimpleQueue[str]) -> None:
        self._queue = queue
        self.taken = taken
        self._thread = threading.Thread(target=self._run)
        self.item: str | None = None
        self.closed = False
        self._thread.start()

    def _run(self) -> None:
        try:
            self.item = self._queue.get()
            self.taken.put(self.item)
        except QueueClosed:
            self.closed = True

    @property
    def ident(self) -> int | None:
        return self._thread.ident

    def finish(self) -> str | None:
        self._thread.join(LIMIT)
        assert not self._thread.is_alive(), "stuck in get()"
        return self.item


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> Iterator[PendingQueue[str]]:
    queue: PendingQueue[str] = PendingQueue(clock)
    yield queue
    queue.close()  # also where a test failed with threads in get()


def drain(queue: PendingQueue[str]) -> str:
    return "".join(queue.get() for _ in range(len(queue)))


def waiting(queue: PendingQueue[str], clock: Clock, count: int) -> list[Getter]:
    """Start getters one by one: the first waits before the second comes."""
    getters: list[Getter] = []
    taken: SimpleQueue[str] = SimpleQueue()
    for _ in range(count):
        getters.append(Getter(queue, taken))
        clock.until_waiting(queue, getters[-1].ident)
    return getters


# -- one thread


def test_first_in_first_out(queue: PendingQueue[str]) -> None:
    """Items of one priority come out in the order in which they went in."""
    for item in "caebd":
        queue.put(item)
    assert drain(queue) == "caebd"


def test_a_higher_priority_comes_first(queue: PendingQueue[str]) -> None:
    """Priority decides, then age; a negative priority comes last."""
    for item, priority in [("a", 0), ("b", 5), ("c", -1), ("d", 5), ("e", 0)]:
        queue.put(item, priority)
    assert drain(queue) == "bdaec"


def test_items_are_not_compared() -> None:
    """Items need no order of their own, only a hash."""
    queue: PendingQueue[complex] = PendingQueue()
    for item in (2j, 1j, 0j):
        queue.put(item)
    assert [queue.get() for _ in range(3)] == [2j, 1j, 0j]


def test_a_delayed_item_waits_until_it_is_due(queue: PendingQueue[str], clock: Clock) -> None:
    """An item is not given out before it is due; then it is the last of its line."""
    queue.put("a", due=clock.now + 10)
    queue.put("b", 9, due=clock.now + 20)
    queue.put("c")
    assert queue.get() == "c"
    clock.now += 10
    queue.put("d")
    assert queue.get() == "a"  # it was due before d went in
    clock.now += 10
    assert drain(queue) == "bd"


@pytest.mark.parametrize("ago", [0.0, 1.0, 1e9, math.inf])
def test_a_due_time_that_has_passed(queue: PendingQueue[str], clock: Clock, ago: float) -> None:
    """An item that is due already takes its place like one without a due time."""
    queue.put("a")
    queue.put("b", due=clock.now - ago)
    queue.put("c")
    assert drain(queue) == "abc"


def test_discard(queue: PendingQueue[str], clock: Clock) -> None:
    """A discarded item, ready or delayed, is never given out; the answer says if it was there."""
    queue.put("a")
    queue.put("b", due=clock.now + 1)
    queue.put("c")
    assert [queue.discard(item) for item in "abx"] == [True, True, False]
    assert not queue.discard("a")
    clock.now += 1
    assert len(queue) == 1
    assert drain(queue) == "c"
    assert not queue.discard("c")


def test_an_item_is_moved_not_doubled(queue: PendingQueue[str], clock: Clock) -> None:
    """Putting an item that is there moves it: new priority, new age, new due time."""
    for item in "abcd":
        queue.put(item)
    queue.put("a")
    queue.put("d", 1)
    queue.put("b", due=clock.now + 5)
    assert len(queue) == 4
    assert [queue.get() for _ in range(3)] == ["d", "c", "a"]
    queue.put("b")  # from delayed to ready
    assert drain(queue) == "b"
    clock.now += 5
    queue.put("e")
    assert drain(queue) == "e"


def test_put_again_after_get(queue: PendingQueue[str]) -> None:
    """An item that was taken can come back, as a task that is tried again does."""
    queue.put("a")
    assert queue.get() == "a"
    queue.put("a")
    queue.put("b")
    queue.discard("a")
    queue.put("a")
    assert drain(queue) == "ba"


def test_close(queue: PendingQueue[str]) -> None:
    """After close nothing goes in and nothing comes out; closing twice is fine."""
    queue.put("a")
    queue.close()
    queue.close()
    with pytest.raises(QueueClosed):
        queue.put("b")
    with pytest.raises(QueueClosed):
        queue.get()
    assert len(queue) == 1
    assert queue.discard("a")


def test_discarded_items_are_let_go() -> None:
    """A queue into which much is put and discarded doesn't keep it all."""

    class Item:
        pass

    queue: PendingQueue[Item] = PendingQueue(lambda: 0.0)
    keep = Item()
    queue.put(keep)
    refs = []
    for n in range(1_000):
        item = Item()
        refs.append(weakref.ref(item))
        queue.put(item, due=1.0 if n % 2 else None)
        assert queue.discard(item)
        del item
    assert sum(ref() is not None for ref in refs) < 200
    assert queue.get() is keep


def test_order_after_many_were_discarded(clock: Clock) -> None:
    """What is left after much was discarded comes out in its order, each when it is due."""
    queue: PendingQueue[int] = PendingQueue(clock)
    items = range(1_000)
    priority = [n * 7 % 13 for n in items]
    due = [clock.now + max(n * 389 % 1_009 - 500, 0) for n in items]  # half of them at once
    for n in items:
        queue.put(n, priority[n], due[n])
    left = {n for n in items if n % 5 == 0}
    for n in items:
        assert n in left or queue.discard(n)
    while left:
        ready = sorted((n for n in left if due[n] <= clock.now), key=lambda n: (-priority[n], n))
        assert [queue.get() for _ in ready] == ready
        left -= set(ready)
        clock.now += 1


# -- several threads


def test_get_waits_for_put(queue: PendingQueue[str], clock: Clock) -> None:
    """A get on an empty queue returns what is put later; of several, each gets one."""
    getters = waiting(queue, clock, 3)
    for item in "abc":
        queue.put(item)
    assert sorted(getter.finish() or "" for getter in getters) == ["a", "b", "c"]


def test_close_wakes_all(queue: PendingQueue[str], clock: Clock) -> None:
    """Close wakes whoever waits: for an item, or for one to become due."""
    queue.put("a", due=clock.now + 3_600)
    getters = waiting(queue, clock, 4)
    queue.close()
    assert [getter.finish() for getter in getters] == [None] * 4
    assert all(getter.closed for getter in getters)


def test_a_wait_ends_when_the_item_is_due() -> None:
    """With the real clock, a get returns once the only item is due, without another event."""
    queue: PendingQueue[str] = PendingQueue()
    queue.put("b", due=queue._clock() + 0.03)
    queue.put("a", due=queue._clock() + 0.02)
    getters = [Getter(queue, SimpleQueue()) for _ in range(2)]
    assert sorted(getter.finish() or "" for getter in getters) == ["a", "b"]


def test_a_due_time_past_all_waits(queue: PendingQueue[str], clock: Clock) -> None:
    """An item that is due in a thousand years is waited for like any other."""
    queue.put("a", due=clock.now + 1e10)
    (getter,) = waiting(queue, clock, 1)
    queue.put("b")
    assert getter.finish() == "b"


def test_the_last_that_came_is_woken(queue: PendingQueue[str], clock: Clock) -> None:
    """An item goes to the thread that has waited for the shortest time."""
    first, second = waiting(queue, clock, 2)
    queue.put("a")
    assert second.finish() == "a"
    queue.put("b")
    assert first.finish() == "b"


def test_a_shorter_delay_overtakes(queue: PendingQueue[str], clock: Clock) -> None:
    """While the leader sleeps for an hour, an item that is due sooner is not kept waiting."""
    queue.put("late", due=clock.now + 3_600)
    first, second = waiting(queue, clock, 2)
    clock.forget()
    queue.put("soon", due=clock.now + 0.01)
    clock.until_waiting(queue, second.ident)  # it leads now
    clock.now += 1
    assert second.finish() == "soon"
    queue.put("last")
    assert first.finish() == "last"


def test_the_leader_hands_over(queue: PendingQueue[str], clock: Clock) -> None:
    """A leader that is given a ready item makes another thread watch the delayed ones."""
    first, second = waiting(queue, clock, 2)
    clock.forget()
    queue.put("delayed", due=clock.now + 0.02)
    clock.until_waiting(queue, second.ident)  # it leads
    queue.put("ready")
    assert second.finish() == "ready"
    clock.now += 1
    assert first.finish() == "delayed"


def test_all_that_became_due_is_handed_out(queue: PendingQueue[str], clock: Clock) -> None:
    """If several items become due during one sleep, one wakeup starts a chain that ends in all."""
    for item in "abc":
        queue.put(item, due=clock.now + 3_600)
    getters = waiting(queue, clock, 4)
    clock.now += 3_600
    queue.put("d")  # wakes one thread; three more have to follow
    assert sorted(getter.finish() or "" for getter in getters) == ["a", "b", "c", "d"]


def test_discarding_what_the_leader_waits_for(queue: PendingQueue[str], clock: Clock) -> None:
    """When the item that the leader waited for is discarded, the next one comes in its time."""
    queue.put("a", due=clock.now + 0.01)
    queue.put("b", due=clock.now + 0.02)
    getters = waiting(queue, clock, 2)
    assert queue.discard("a")
    clock.now += 1
    queue.put("c", 1)
    assert {getter.finish() for getter in getters} == {"b", "c"}


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")
def test_a_leader_that_is_interrupted_hands_over(queue: PendingQueue[str], clock: Clock) -> None:
    """Ctrl-C in a leader's get leaves the delayed item to a thread that waits behind it."""
    main = threading.get_ident()
    getters: list[Getter] = []
    interrupted = threading.Event()
    queue.put("a", due=clock.now + 3_600)
    clock.forget()

    def interrupt() -> None:
        clock.until_waiting(queue, main)
        getters.extend(waiting(queue, clock, 1))
        clock.now += 3_600  # nobody looks: the leader sleeps
        signal.pthread_kill(main, signal.SIGINT)
        # A signal that comes just before the leader falls asleep does not wake it.
        while not interrupted.wait(2):
            signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        queue.get()
    interrupted.set()
    thread.join()
    assert getters[0].finish() == "a"


class Gate:
    """A lock that does what a test says when somebody waits at it."""

    def __init__(self, at: Callable[[Gate], bool]) -> None:
        self.real = threading.Lock()
        self.release = self.real.release
        self._at = at

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        if timeout is None:
            return self.real.acquire(blocking)
        return self._at(self)


def gates(monkeypatch: pytest.MonkeyPatch, at: Callable[[Gate], bool]) -> None:
    """Let threads that get wait at such gates."""
    monkeypatch.setattr(pending, "threading", SimpleNamespace(Lock=lambda: Gate(at), TIMEOUT_MAX=9))


def test_a_gate_that_opens_as_the_time_is_up(
    queue: PendingQueue[str], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leader whose gate is opened too late, and in vain, waits anew and is in nobody's way."""
    queue.put("delayed", due=clock.now + 0.01)
    slept = 0

    def at(gate: Gate) -> bool:
        nonlocal slept
        slept += 1
        if slept == 1:
            queue.put("gone")
            assert queue.discard("gone")
            return False
        clock.now += 1
        return gate.real.acquire(timeout=0.01)

    with monkeypatch.context() as patch:
        gates(patch, at)
        assert queue.get() == "delayed"
    assert slept == 2
    (getter,) = waiting(queue, clock, 1)
    queue.put("next")
    assert getter.finish() == "next"


def test_an_interrupt_after_the_gate_opened(
    queue: PendingQueue[str], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in a thread that was woken for an item leaves the item to one that waits behind it."""
    (getter,) = waiting(queue, clock, 1)

    def at(gate: Gate) -> bool:
        queue.put("item")
        assert gate.real.acquire(timeout=LIMIT)
        raise KeyboardInterrupt

    gates(monkeypatch, at)
    with pytest.raises(KeyboardInterrupt):
        queue.get()
    assert getter.finish() == "item"


def test_many_threads(queue: PendingQueue[str]) -> None:
    """Whatever threads put, discard and get at once, each item comes out once or is discarded."""
    items = [str(n) for n in range(600)]
    taken: list[str] = []
    discarded: list[str] = []

    def put(mine: list[str]) -> None:
        for item in mine:
            queue.put(item, int(item) % 3)

    def discard(mine: list[str]) -> None:
        discarded.extend(item for item in mine if queue.discard(item))

    def get() -> None:
        try:
            while True:
                taken.append(queue.get())
        except QueueClosed:
            pass

    def start(call: Callable[..., None], *args: object) -> threading.Thread:
        thread = threading.Thread(target=call, args=args)
        thread.start()
        return thread

    getters = [start(get) for _ in range(3)]
    others = [start(put, items[n::3]) for n in range(3)]
    others += [start(discard, items[n::4]) for n in range(2)]
    for thread in others:
        thread.join()
    while len(queue):
        taken.append(queue.get())
    queue.close()
    for thread in getters:
        thread.join()
    assert sorted(taken + discarded) == sorted(items)


# -- against a model


class Model(RuleBasedStateMachine):
    """A pending queue beside a list that is searched from end to end."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.queue: PendingQueue[str] = PendingQueue(self.clock)
        # By item: rank, when it joins its line, whether it joined at once, and its number.
        self.items: dict[str, tuple[int, float, bool, int]] = {}
        self.count = 0

    def ready(self) -> list[str]:
        due = [item for item, (_, due, _, _) in self.items.items() if due <= self.clock.now]
        return sorted(due, key=self.items.__getitem__)

    @rule(
        item=st.sampled_from("abcdefgh"),
        priority=st.integers(-2, 2),
        delay=st.none() | st.integers(-1, 4),
    )
    def put(self, item: str, priority: int, delay: int | None) -> None:
        due = None if delay is None else self.clock.now + delay
        self.queue.put(item, priority, due)
        self.count += 1
        at_once = due is None or due <= self.clock.now
        joins = self.clock.now if due is None or at_once else due
        self.items[item] = -priority, joins, at_once, self.count

    @rule(item=st.sampled_from("abcdefgh"))
    def discard(self, item: str) -> None:
        assert self.queue.discard(item) == (self.items.pop(item, None) is not None)

    @rule(seconds=st.integers(1, 3))
    def pass_time(self, seconds: int) -> None:
        self.clock.now += seconds

    @precondition(lambda self: self.ready())
    @rule()
    def get(self) -> None:
        expected = self.ready()[0]
        assert self.queue.get() == expected
        del self.items[expected]

    @invariant()
    def as_many(self) -> None:
        assert len(self.queue) == len(self.items)

    def teardown(self) -> None:
        self.clock.now += 100
        assert drain(self.queue) == "".join(self.ready())


TestModel = pytest.mark.slow(Model.TestCase)
TestModel.settings = settings(
    derandomize=True, deadline=None, max_examples=60, stateful_step_count=40
)
