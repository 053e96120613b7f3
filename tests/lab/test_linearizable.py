"""linearizable: whether calls of a shared object could have happened one after another."""

from __future__ import annotations

import threading
from functools import partial

from taskqueue_edu.lab.interleave import Call, History, explore, linearizable, together


class Register:
    """What a counter does without threads."""

    def __init__(self) -> None:
        self.n = 0

    def add(self) -> int:
        self.n += 1
        return self.n


class Locked(Register):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def add(self) -> int:
        with self.lock:
            return super().add()


def test_calls_that_overlap_may_come_in_either_order() -> None:
    """Of two calls at the same time, the one that ended last may have happened first."""
    calls = [Call("add", (), 1, 4, 2), Call("add", (), 2, 3, 1)]
    assert linearizable(Register, calls)


def test_a_call_comes_after_those_that_had_ended() -> None:
    """A call that began after another had ended can't have happened before it."""
    calls = [Call("add", (), 1, 2, 2), Call("add", (), 3, 4, 1)]
    assert not linearizable(Register, calls)


def test_what_a_call_raises_counts() -> None:
    """An error is an outcome: popping an empty list is right if the model raises too."""
    history = History([])
    try:
        history.call("pop")
    except IndexError:
        history.call("append", 1)
    assert linearizable(list, history.calls)
    assert not linearizable(lambda: [7], history.calls)


def scenario(make: type[Register]) -> None:
    history = History(make())
    add = partial(history.call, "add")
    together(add, add)
    assert linearizable(Register, history.calls)


def test_in_every_schedule() -> None:
    """A counter with a lock is linearizable in all schedules, one without is not."""
    assert explore(partial(scenario, Locked)).ok
    assert explore(partial(scenario, Register)).kind == "assertion"
