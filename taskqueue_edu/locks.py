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

    Before `with lock`: `if lock.locked(): give_way(lock)`. The `with` is what takes it: Ctrl-C
    may come between an `acquire` and the `try` after it, and would leave the lock taken.

    A thread that sleeps on a lock gets it before it gets the interpreter (the GIL): it then
    holds the lock while it waits for its turn to run, and whoever runs meets a taken lock, goes
    to sleep on it, and is next in the same state. From then on every task costs two switches of
    threads. This is a *lock convoy* (Blasgen et al., "The Convoy Phenomenon", 1979). Here, the
    thread that finds the lock taken lets others run, and asks again: the holder was interrupted
    in the middle of a few lines, and gives the lock back as soon as it runs. Half of the time
    is left where workers and clients meet at one lock: see `python -m tests.benchmarks steps`.

    After 1,000 turns it sleeps as usual, so a holder that is long about it costs no CPU time.
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
    a task of a persistent queue costs 47 µs, with `give_way` 76 (2,000 tasks, 7 turns, medians).
    """
    for _ in range(_TURNS):
        if not lock.locked():
            return
        _let_others_run()
