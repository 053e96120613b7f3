"""What the checks of the exercises force a schedule with, so that each run gives one verdict."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any


class Watched(threading.Condition):
    """A Condition that tells when somebody waits: after `waits(1)` one thread waits in it.

    `waits` returns once that many calls of `wait` have begun, and whoever takes the lock then
    finds them waiting: a waiting thread has given the lock back.
    """

    def __init__(self) -> None:
        super().__init__()
        self._begun = threading.Semaphore(0)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait as a Condition does."""
        self._begun.release()
        return super().wait(timeout)

    def waits(self, count: int, seconds: float = 2.0) -> bool:
        """Wait for `count` more calls of `wait`; False if they don't come within `seconds`."""
        return all(self._begun.acquire(timeout=seconds) for _ in range(count))


class FairLock:
    """A lock that goes to whoever has waited longest. `taken` counts how often it was taken.

    A plain Lock may go twice in a row to the same thread. So code that gives a lock back between
    a question and its action often gets away with it; with this one it doesn't.
    """

    def __init__(self) -> None:
        self.taken = 0
        # Invariant: the first in line holds the lock, the others wait for it.
        self._changed = threading.Condition()
        self._line: list[object] = []

    def acquire(self, blocking: bool = True, timeout: float = -1.0) -> bool:
        """Take the lock as `Lock.acquire` does."""
        me = object()
        seconds = 0.0 if not blocking else None if timeout < 0 else timeout
        with self._changed:
            self._line.append(me)
            got_it = self._changed.wait_for(lambda: self._line[0] is me, seconds)
            if not got_it:
                self._line.remove(me)
            self.taken += got_it
        return got_it

    def release(self) -> None:
        """Give the lock back. Raises RuntimeError if nobody holds it."""
        with self._changed:
            if not self._line:
                raise RuntimeError("release unlocked lock")
            del self._line[0]
            self._changed.notify_all()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class MeetingSet(set[Any]):
    """A set in which two threads meet once both have asked whether something is in it.

    If nobody else comes within 0.3 seconds, since a lock keeps the others out, the one goes on.
    """

    def __init__(self) -> None:
        super().__init__()
        self._both_have_asked = threading.Barrier(2)

    def __contains__(self, item: object) -> bool:
        answer = super().__contains__(item)
        with suppress(threading.BrokenBarrierError):
            self._both_have_asked.wait(timeout=0.3)
        return answer


class Deaths:
    """Collects what ends threads: `with Deaths() as deaths: ...`, then `deaths.errors`.

    Without it Python prints the error of a thread that nobody caught, and goes on.
    """

    def __init__(self) -> None:
        self.errors: list[BaseException] = []

    def _note(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self.errors.append(args.exc_value)

    def __enter__(self) -> Deaths:
        self._before = threading.excepthook
        threading.excepthook = self._note
        return self

    def __exit__(self, *_: object) -> None:
        threading.excepthook = self._before
