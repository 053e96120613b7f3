"""How to take a lock that is held for microseconds, many thousand times a second."""

from __future__ import annotations

import os
import threading
import time
from typing import Final

_TURNS: Final = 1_000
_let_others_run: Final = getattr(os, "sched_yield", lambda: time.sleep(0))


def give_way(lock: threading.Lock) -> None:
    """Let whoever holds a lock run on, until it is free or that takes long.

    For locks that are used like this:

        if self._taken:
            give_way(self._lock)
        with self._lock:
            self._taken = True
            ...
            self._taken = False

    A thread that sleeps on a lock is woken each time the lock is free for a moment, mostly to
    find it taken again. If it gets it, it has to wait for the interpreter (the GIL) while it
    holds it, and whoever runs meets a taken lock, goes to sleep on it, and is next in the same
    state. From then on every task costs a switch of threads or two. This is a *lock convoy*
    (Blasgen et al., "The Convoy Phenomenon", 1979). A thread that comes here instead does not
    sleep on the lock. It lets others run for a moment, and looks again: the holder was
    interrupted in the middle of a few lines, and gives the lock back as soon as it runs.

    `_taken` is a hint: that it is wrong, after an exception say, does no harm. It must be an
    attribute. `lock.locked()` is a call, and CPython (3.11 to 3.13) lets another thread in at the
    end of a call, so after its answer and before the `with`. Then there are convoys now and then:
    a no-op took 8 workers 7.6 to 8.0 µs in each of 24 runs with the attribute, and in 6 of 18 with
    the call 11 to 25 µs. And the `with` has to take the lock: Ctrl-C could come between a call of
    `acquire` and a `try`, and the lock would stay taken.

    After 1,000 turns the thread sleeps as usual, so a holder that is long about it costs no CPU
    time. What it gains in all: `python -m tests.benchmarks steps`.
    """
    for _ in range(_TURNS):
        if not lock.locked():
            return
        time.sleep(0)


def wait_out(lock: threading.Lock) -> None:
    """Wait for whoever holds a lock during a short system call, without going to sleep.

    Used as `give_way` is. There the holder needs the interpreter before it can give the lock
    back, and `time.sleep(0)` leaves it alone for the 57 µs that Linux makes of it. A thread in a
    `write` has let the interpreter go, and is back in a few: this one asks again at once. With it
    a task of a persistent queue costs 52 µs, with `give_way` 69 (2,000 tasks, 7 turns, medians).
    """
    for _ in range(_TURNS):
        if not lock.locked():
            return
        _let_others_run()
