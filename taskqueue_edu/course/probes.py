"""What the checks of the exercises force a schedule with, so that each run gives one verdict."""

from __future__ import annotations

import threading


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
