"""Locks and conditions that let the schedule decide."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Any, Literal

from taskqueue_edu.lab.interleave.primitives import Primitive, deadline_after, would_block
from taskqueue_edu.lab.interleave.schedule import me, run
from taskqueue_edu.lab.interleave.strands import Strand
from taskqueue_edu.lab.interleave.untraced import untraced


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
                raise would_block(self)
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
        strand.looked = False
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
        strand.spins = 0
        current.touch(strand, self)
        if current.recorder is not None:  # before the change: it notes how all is until now
            current.recorder.operation(strand, "release", self, True)
        if isinstance(self.owner, Strand) and self in self.owner.held:
            self.owner.held.remove(self)
        self.owner = None

    @untraced
    def locked(self) -> bool:
        strand = me()
        if strand is not None:
            self._look(run())
            run().sync(strand, "look at", self, writes=False)
        return self.owner is not None

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

    def __init__(self, lock: Lock | None = None, named: Primitive | str | None = None) -> None:
        super().__init__(named)
        self._lock = RLock(self) if lock is None else lock
        self._waiters: deque[_Waiter] = deque()
        self._notices: list[tuple[Strand, tuple[Strand, ...]]] = []
        self._have_waited: set[int] = set()
        self.acquire = self._lock.acquire
        self.release = self._lock.release

    @property
    def state(self) -> str:
        return f"{len(self._waiters)} waiting"

    @untraced
    def __enter__(self) -> bool:
        return self._lock.__enter__()

    @untraced
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
            raise would_block(self)
        current = run()
        unprepared = strand.id not in self._have_waited and not strand.looked
        waiter = _Waiter(strand, len(self._notices), unprepared)
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
            deadline_after(current, timeout),
        )
        if not in_time:
            in_time = waiter.notified  # and waited for the lock when its time was up
            if not in_time:
                # As in CPython: it is on the list for a moment more. A notification that goes to
                # it now is lost, since it says all the same that its time was up.
                current.point(strand)
                current.touch(strand, self)
                if not waiter.notified:
                    self._waiters.remove(waiter)
            current.sync(strand, "acquire", lock, lock.free)
        lock._acquire_restore(depth)
        return in_time

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

    def notify_who_waits(self, n: int = 1) -> None:
        """Notify, but do nothing at all, which would be a step to be shown, if nobody waits."""
        if self._waiters and me() is not None:
            self.notify(n)

    def notify_all(self) -> None:
        self.notify(max(len(self._waiters), 1))

    def why_nobody_wakes(self, strand: Strand) -> str:
        mine = next((w for w in self._waiters if w.strand is strand), None)
        if mine is None:
            return ""
        meanwhile = self._notices[mine.since :]
        woke = [f"{s.name} (by {by.name})" for by, those in meanwhile for s in those]
        if woke:
            times = "once" if len(meanwhile) == 1 else f"{len(meanwhile)} times"
            if len(woke) > 3:
                woke = [*woke[:2], f"{len(woke) - 2} others"]
            return (
                f"{self.name} was notified {times} while {strand.name} waited, and that woke "
                + " and ".join(woke)
            )
        if mine.unprepared and mine.since:
            by, woken = self._notices[mine.since - 1]
            if not woken and by is not strand:
                return f"{by.name} notified {self.name} before {strand.name} waited for it"
        return ""

    def lock_needed_by(self, strand: Strand) -> Lock | None:
        asleep = any(waiter.strand is strand for waiter in self._waiters)
        return None if asleep or self._lock.owner is None else self._lock


class _Waiter:
    __slots__ = ("notified", "since", "strand", "unprepared")

    def __init__(self, strand: Strand, since: int, unprepared: bool) -> None:
        self.strand, self.since = strand, since
        self.unprepared = unprepared
        """Whether it waits for the first time, and did not look at the data under the lock.

        One that has looked, and waits, misses no notification that came before.
        """
        self.notified = False
