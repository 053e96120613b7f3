"""How to take a lock that is held for microseconds, many thousand times a second."""

from __future__ import annotations

import threading
import time
from typing import Final

_TURNS: Final = 1_000


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
