"""Locks, conditions, events, semaphores and barriers that let the schedule decide.

They behave as those of `threading` do, but nothing blocks: a strand that has to wait says what for,
and another one goes on.

Not every operation needs a switch point before it. Whoever releases a lock needs none: whoever
wants it waits either way, so the moment before is like the moment after. That ends as soon as
somebody looks at the lock without waiting: see `Sharing.looked_at`.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from types import CodeType, FrameType, TracebackType
from typing import Any, ClassVar, Final, Literal

from taskqueue_edu.lab.interleave.accesses import sites
from taskqueue_edu.lab.interleave.schedule import Run, Strand, me, run
from taskqueue_edu.lab.interleave.untraced import untraced

_names: Final[dict[tuple[CodeType, int], str]] = {}


class Primitive:
    """What strands wait for. It is named after the variable that it was first assigned to."""

    kind: ClassVar[str] = ""

    def __init__(self, named: Primitive | str | None = None) -> None:
        self._named = named
        if named is not None:
            return
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_globals.get("__name__", "").startswith(_OURS):
            frame = frame.f_back
        if frame is None or me() is None:
            self._site: tuple[CodeType, int] | None = None
            return
        self._site = (frame.f_code, frame.f_lasti)
        self._made = run().made
        self._made[self._site] = self._number = self._made.get(self._site, 0) + 1

    @property
    def name(self) -> str:
        """How the code under test calls it; with a number if it calls several so."""
        if self._named is not None:
            return self._named if isinstance(self._named, str) else self._named.name
        if self._site is None:
            return self.kind
        name = _names.get(self._site)
        if name is None:
            code, offset = self._site
            name = _names[self._site] = sites(code).stored.get(offset, self.kind)
        return f"{name} {self._number}" if self._made[self._site] > 1 else name

    @property
    def state(self) -> str:
        """How it is now, in a word or two."""
        return ""

    def why_nobody_wakes(self, strand: Strand) -> str:
        """Say it, if a wakeup meant for `strand` came when it did not wait; else ""."""
        del strand
        return ""

    def _look(self, current: Run) -> None:
        """Note that somebody looks without waiting."""
        current.sharing.see_look(self.kind)


_OURS: Final = ("taskqueue_edu.lab.interleave.", "threading", "queue", "concurrent.futures.")


def _deadline(current: Run, timeout: float | None) -> float | None:
    return None if timeout is None or timeout < 0 else current.now + timeout


def _would_block(what: Primitive) -> RuntimeError:
    return RuntimeError(f"{what.name} was made inside explore(), and can't be waited for outside")


class Lock(Primitive):
    """`threading.Lock`."""

    kind = "lock"

    def __init__(self, named: Primitive | str | None = None) -> None:
        super().__init__(named)
        self.owner: Strand | Literal["outside"] | None = None

    def free(self) -> bool:
        """Whether nobody holds it."""
        return self.owner is None

    @property
    def state(self) -> str:
        return f"held by {self.owner.name}" if isinstance(self.owner, Strand) else "free"

    @untraced
    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if not blocking and timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        strand = me()
        if strand is None:
            if self.owner is None:
                self.owner = "outside"
                return True
            if blocking:
                raise _would_block(self)
            return False
        current = run()
        if not blocking:
            self._look(current)
            current.sync(strand, "try to acquire", self)
        elif timeout >= 0:
            self._look(current)
            current.sync(strand, "acquire", self, self.free, current.now + timeout)
        else:
            current.sync(strand, "acquire", self, self.free)
        if self.owner is not None:
            return False
        self.owner = strand
        strand.held.append(self)
        return True

    @untraced
    def release(self) -> None:
        strand = me()
        if strand is None:
            self.owner = None
            return
        current = run()
        if current.over:
            return
        if self.owner is None:
            raise RuntimeError("release unlocked lock")
        if self.kind in current.looked_at:
            strand.doing = ("release", self)
            current.point(strand)
        if isinstance(self.owner, Strand) and self in self.owner.held:
            self.owner.held.remove(self)
        self.owner = None
        strand.spins = 0
        current.touch(strand, self)
        if current.recorder is not None:
            current.recorder.operation(strand, "release", self, True)

    @untraced
    def locked(self) -> bool:
        strand = me()
        if strand is not None:
            self._look(run())
            run().sync(strand, "look at", self, writes=False)
        return self.owner is not None

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    # What a condition needs of its lock.

    def _is_owned(self) -> bool:
        strand = me()
        return self.owner is not None and (strand is None or self.owner is strand)

    def _release_save(self) -> int:
        Lock.release(self)
        return 1

    def _acquire_restore(self, depth: int) -> None:
        del depth
        self.owner = strand = me()
        if strand is not None:
            strand.held.append(self)
            run().touch(strand, self)


class RLock(Lock):
    """`threading.RLock`: whoever holds it may take it again."""

    def __init__(self, named: Primitive | str | None = None) -> None:
        super().__init__(named)
        self._depth = 0

    @untraced
    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if self.owner is not None and self.owner is me():
            self._depth += 1
            return True
        taken = super().acquire(blocking, timeout)
        if taken:
            self._depth = 1
        return taken

    @untraced
    def release(self) -> None:
        if me() is not None and run().over:
            return
        if not self._is_owned():
            raise RuntimeError("cannot release un-acquired lock")
        self._depth -= 1
        if not self._depth:
            super().release()

    def _release_save(self) -> int:
        depth, self._depth = self._depth, 0
        Lock.release(self)
        return depth

    def _acquire_restore(self, depth: int) -> None:
        super()._acquire_restore(depth)
        self._depth = depth


class Condition(Primitive):
    """`threading.Condition`.

    A notification wakes who waits at that moment, and nobody else: it is not kept for later. For
    the case that all wait in the end, what became of each one is kept in `_notices`.
    """

    kind = "condition"

    def __init__(self, lock: Lock | None = None) -> None:
        super().__init__()
        self._lock = RLock(self) if lock is None else lock
        self._waiters: deque[_Waiter] = deque()
        self._notices: list[tuple[Strand, tuple[Strand, ...]]] = []
        self._have_waited: set[int] = set()
        self.acquire = self._lock.acquire
        self.release = self._lock.release

    @property
    def state(self) -> str:
        return f"{len(self._waiters)} waiting"

    def __enter__(self) -> bool:
        return self._lock.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()

    @untraced
    def wait(self, timeout: float | None = None) -> bool:
        if not self._lock._is_owned():
            raise RuntimeError("cannot wait on un-acquired lock")
        strand = me()
        if strand is None:
            raise _would_block(self)
        current = run()
        waiter = _Waiter(strand, len(self._notices), strand.id not in self._have_waited)
        self._have_waited.add(strand.id)
        self._waiters.append(waiter)
        lock = self._lock
        if timeout is not None:
            lock._look(current)
        depth = lock._release_save()
        current.touch(strand, self)
        # Woken, it needs the lock before anything else: one step, not two.
        in_time = current.sync(
            strand,
            "wait for",
            self,
            lambda: waiter.notified and lock.owner is None,
            _deadline(current, timeout),
        )
        if not in_time:
            if not waiter.notified:
                self._waiters.remove(waiter)
            current.sync(strand, "acquire", lock, lock.free)
        lock._acquire_restore(depth)
        return waiter.notified

    def wait_for(self, predicate: Any, timeout: float | None = None) -> Any:
        strand = me()
        end = None if timeout is None or strand is None else run().now + timeout
        while not (found := predicate()):
            if end is None:
                self.wait()
            elif run().now >= end:
                break
            else:
                self.wait(end - run().now)
        return found

    @untraced
    def notify(self, n: int = 1) -> None:
        strand = me()
        if strand is not None and run().over:
            return
        if not self._lock._is_owned():
            raise RuntimeError("cannot notify on un-acquired lock")
        woken = [self._waiters.popleft() for _ in range(min(n, len(self._waiters)))]
        for waiter in woken:
            waiter.notified = True
        if strand is None:
            return
        self._notices.append((strand, tuple(w.strand for w in woken)))
        current = run()
        strand.spins = 0
        current.touch(strand, self)
        if current.recorder is not None:
            names = ", ".join(w.strand.name for w in woken)
            current.recorder.remark(
                strand, f"notify {self.name}: " + (f"wakes {names}" if names else "nobody waits")
            )

    def notify_all(self) -> None:
        self.notify(max(len(self._waiters), 1))

    def why_nobody_wakes(self, strand: Strand) -> str:
        mine = next((w for w in self._waiters if w.strand is strand), None)
        if mine is None:
            return ""
        for by, woken in reversed(self._notices[mine.since :]):
            if woken:
                names = " and ".join(s.name for s in woken)
                return f"when {by.name} notified {self.name}, it woke {names}, not {strand.name}"
        if mine.first and mine.since:
            by, woken = self._notices[mine.since - 1]
            if not woken:
                return f"{by.name} notified {self.name} before {strand.name} waited for it"
        return ""


class _Waiter:
    __slots__ = ("first", "notified", "since", "strand")

    def __init__(self, strand: Strand, since: int, first: bool) -> None:
        self.strand, self.since, self.first = strand, since, first
        self.notified = False


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
                raise _would_block(self)
            return self._flag
        current = run()
        if timeout is not None:
            self._look(current)
        current.sync(
            strand, "wait for", self, self._is_on, _deadline(current, timeout), writes=False
        )
        return self._flag


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
                raise _would_block(self)
        else:
            current = run()
            if not blocking or timeout is not None:
                self._look(current)
            current.sync(
                strand,
                "acquire" if blocking else "try to acquire",
                self,
                self._some_left if blocking else None,
                _deadline(current, timeout),
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
        self._value += n
        if strand is not None and (recorder := run().recorder) is not None:
            recorder.operation(strand, "release", self, True)

    def __enter__(self) -> bool:
        return self.acquire()

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
            raise _would_block(self)
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
            _deadline(current, timeout),
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
