"""Events, semaphores and barriers that let the schedule decide."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, ClassVar

from taskqueue_edu.lab.interleave.primitives import Primitive, deadline_after, would_block
from taskqueue_edu.lab.interleave.schedule import me, run
from taskqueue_edu.lab.interleave.untraced import untraced


class Event(Primitive):
    """`threading.Event`."""

    kind = "event"

    def __init__(self) -> None:
        super().__init__()
        self._flag = False

    @property
    def state(self) -> str:
        return "set" if self._flag else "not set"

    def _is_on(self) -> bool:
        return self._flag

    def _change(self, verb: str, flag: bool) -> None:
        strand = me()
        if strand is not None:
            current = run()
            if current.over:
                return
            if self.kind in current.looked_at:
                strand.doing = (verb, self)
                current.point(strand)
            strand.spins = 0
            current.touch(strand, self)
            if current.recorder is not None:
                current.recorder.operation(strand, verb, self, True)
        self._flag = flag

    @untraced
    def is_set(self) -> bool:
        strand = me()
        if strand is not None:
            self._look(run())
            run().sync(strand, "look at", self, writes=False)
        return self._flag

    isSet = is_set  # noqa: N815 (its name in threading)

    @untraced
    def set(self) -> None:
        self._change("set", True)

    @untraced
    def clear(self) -> None:
        # From now on it matters when it was set.
        if me() is not None:
            self._look(run())
        self._change("clear", False)

    @untraced
    def wait(self, timeout: float | None = None) -> bool:
        strand = me()
        if strand is None:
            if not self._flag and timeout is None:
                raise would_block(self)
            return self._flag
        current = run()
        if timeout is not None:
            self._look(current)
        current.sync(
            strand, "wait for", self, self._is_on, deadline_after(current, timeout), writes=False
        )
        return self._flag

    def _at_fork_reinit(self) -> None:
        """Do nothing: CPython calls this after a fork, for the Event in each Thread."""


class Semaphore(Primitive):
    """`threading.Semaphore`."""

    kind = "semaphore"
    _bounded: ClassVar[bool] = False

    def __init__(self, value: int = 1) -> None:
        if value < 0:
            raise ValueError("semaphore initial value must be >= 0")
        super().__init__()
        self._value = self._most = value

    @property
    def state(self) -> str:
        return f"value {self._value}"

    def _some_left(self) -> bool:
        return self._value > 0

    @untraced
    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        if not blocking and timeout is not None:
            raise ValueError("can't specify timeout for non-blocking acquire")
        strand = me()
        if strand is None:
            if not self._value and blocking:
                raise would_block(self)
        else:
            current = run()
            if not blocking or timeout is not None:
                self._look(current)
            current.sync(
                strand,
                "acquire" if blocking else "try to acquire",
                self,
                self._some_left if blocking else None,
                deadline_after(current, timeout),
            )
        if not self._value:
            return False
        self._value -= 1
        return True

    @untraced
    def release(self, n: int = 1) -> None:
        if n < 1:
            raise ValueError("n must be one or more")
        strand = me()
        if strand is not None:
            current = run()
            if current.over:
                return
            # Unlike a lock, others may take it before: then nothing puts them after this.
            strand.doing = ("release", self)
            current.point(strand)
            strand.spins = 0
            current.touch(strand, self)
        if self._bounded and self._value + n > self._most:
            raise ValueError("Semaphore released too many times")
        if strand is not None and (recorder := run().recorder) is not None:
            recorder.operation(strand, "release", self, True)
        self._value += n

    @untraced
    def __enter__(self) -> bool:
        return self.acquire()

    @untraced
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


class BoundedSemaphore(Semaphore):
    """`threading.BoundedSemaphore`."""

    _bounded = True


class Barrier(Primitive):
    """`threading.Barrier`."""

    kind = "barrier"

    def __init__(self, parties: int, action: Any = None, timeout: float | None = None) -> None:
        super().__init__()
        self.parties, self._action, self._timeout = parties, action, timeout
        self.n_waiting, self._round, self.broken = 0, 0, False

    @property
    def state(self) -> str:
        return f"{self.n_waiting} of {self.parties} waiting"

    def wait(self, timeout: float | None = None) -> int:
        strand = me()
        if strand is None:
            raise would_block(self)
        current = run()
        timeout = self._timeout if timeout is None else timeout
        current.sync(strand, "come to", self)
        if self.broken:
            raise threading.BrokenBarrierError
        mine, number = self._round, self.n_waiting
        self.n_waiting += 1
        if self.n_waiting == self.parties:
            if self._action is not None:
                try:
                    self._action()
                except BaseException:
                    self.abort()
                    raise
            self.n_waiting, self._round = 0, mine + 1
            return number
        in_time = current.sync(
            strand,
            "wait for",
            self,
            lambda: self._round != mine or self.broken,
            deadline_after(current, timeout),
        )
        if not in_time:
            self.broken = True
        if self.broken and self._round == mine:
            raise threading.BrokenBarrierError
        return number

    def abort(self) -> None:
        self.broken = True

    @untraced
    def reset(self) -> None:
        strand = me()
        if strand is not None:
            run().sync(strand, "reset", self)
        if self.n_waiting:
            self.broken = True
        else:
            self.broken, self._round = False, self._round + 1
