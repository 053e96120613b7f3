"""Operating-system threads that are used again: starting one for each schedule would cost more."""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import sys
import threading
from collections.abc import Callable

_start = threading.Thread.start
_join = threading.Thread.join
_is_alive = threading.Thread.is_alive
_Thread = threading.Thread


class Carrier:
    """A thread that sleeps until it is given the baton, and then goes on with its work.

    Only whoever has the baton runs. Passing it costs 6 µs (CPython 3.11, one lock released and
    another one acquired, measured on 2 cores).
    """

    def __init__(self, number: int) -> None:
        self._baton = _thread.allocate_lock()
        self._baton.acquire()
        self._work: Callable[[], None] | None = None
        self.pass_to = self._baton.release
        """Give it the baton."""
        self.wait = self._baton.acquire
        """Wait for the baton; called by the carrier itself."""
        self.thread = _Thread(target=self._loop, name=f"lab-{number}", daemon=True)
        _start(self.thread)
        assert self.thread.ident is not None
        self.ident: int = self.thread.ident

    def begin(self, work: Callable[[], None]) -> None:
        """Give it the baton and `work`, which must never raise."""
        self._work = work
        self._baton.release()

    def _loop(self) -> None:
        sys.settrace(None)  # coverage or a debugger may have asked to follow every new thread
        while True:
            self._baton.acquire()
            work, self._work = self._work, None
            if work is None:
                return
            work()
            del work

    def throw(self, error: type[BaseException]) -> None:
        """Have `error` raised in it at one of its next instructions."""
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(self.ident), ctypes.py_object(error)
        )

    @staticmethod
    def calm() -> None:
        """Have the interpreter no longer look out for an exception that was thrown.

        It does so in all threads, until some thread has got one: and one that waits outside Python
        may never get its own. In CPython 3.11, a thread with a trace function goes no further than
        its next call meanwhile.
        """
        with contextlib.suppress(_Calm):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(threading.get_ident()), ctypes.py_object(_Calm)
            )
            while True:  # until it has come
                pass

    def end(self, seconds: float) -> bool:
        """End an idle carrier; True if its thread is gone."""
        self._baton.release()
        _join(self.thread, seconds)
        return not _is_alive(self.thread)


class _Calm(BaseException):
    """Thrown by a thread at itself."""


class Carriers:
    """The carriers of one exploration."""

    def __init__(self) -> None:
        self._idle: list[Carrier] = []
        self._made = 0

    def take(self) -> Carrier:
        """Return an idle carrier."""
        if self._idle:
            return self._idle.pop()
        self._made += 1
        return Carrier(self._made)

    def give_back(self, carrier: Carrier) -> None:
        """Keep a carrier that is about to be idle."""
        self._idle.append(carrier)

    def end(self) -> None:
        """End all that are idle."""
        while self._idle:
            self._idle.pop().end(5.0)
