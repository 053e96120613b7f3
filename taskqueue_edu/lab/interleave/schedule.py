"""One schedule: several threads, of which one runs, and a plan that says who comes next.

A thread under control, a *strand*, runs until it reaches a *point*: an operation of a lock, a
queue or a clock, or an access to data that others use too. There the plan may have another strand
go on. Everything else about the run is fixed, so a plan always gives the same run.
"""

from __future__ import annotations

import _thread
import sys
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

from taskqueue_edu.lab.interleave.carriers import Carrier
from taskqueue_edu.lab.interleave.history import History
from taskqueue_edu.lab.interleave.sharing import Order, Sharing
from taskqueue_edu.lab.interleave.strands import Abort, Group, Strand, at, doing, lost_wakeup
from taskqueue_edu.lab.verdict import message_of

if TYPE_CHECKING:
    from taskqueue_edu.lab.interleave.carriers import Carriers
    from taskqueue_edu.lab.interleave.priorities import Priorities
    from taskqueue_edu.lab.interleave.story import Recorder
    from taskqueue_edu.lab.interleave.tracing import Tracer

MAX_POINTS: Final = 5_000
"""How many points a schedule may have before it counts as making no progress."""
MAX_LOOPS: Final = 20_000
"""How often a schedule may jump backward before it counts as making no progress."""
SPINS: Final = 50
"""After how many jumps backward without a change to anything shared others get their turn."""
GRACE: Final = 0.5
"""Seconds that strands get to end once the schedule is over, before they are made to."""
PATIENCE: Final = 3.0
"""Seconds without a sign of life after which a thread counts as stuck."""

Course: TypeAlias = "array[int]"


class Failure(Exception):
    """How a schedule failed: not raised, but kept."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(kind, message)
        self.kind, self.message = kind, message


class Run:
    """One schedule under way.

    `plan` says at which points not the usual option is taken, and which one: the usual one is to
    let the current strand go on, or else the next one that can. `cost` is how many preemptions
    that makes; beyond the plan, others may be planned up to `bound`. With `priorities` these say
    who goes on instead, and `taken` becomes the plan that gives the same run. Without `limits` no
    wait ends because its time is over.

    A plan repeats another run up to its last point. `course` is the course of that run: who went
    on at each point, so that it need not be worked out again.
    """

    def __init__(
        self,
        plan: Mapping[int, int],
        cost: int,
        bound: int,
        carriers: Carriers,
        sharing: Sharing,
        tracer: Tracer,
        seen: dict[tuple[int, ...], int] | None,
        recorder: Recorder | None = None,
        priorities: Priorities | None = None,
        course: Course | None = None,
        *,
        limits: bool = True,
        alike: Run | None = None,
    ) -> None:
        self.plan, self.cost, self.bound = plan, cost, bound
        self.last = max(plan, default=-1)
        self.course = array("h") if course is None else course[: self.last]
        """Who went on at each point: the number of a strand, or ~number if its timer went off."""
        self._repeats = len(self.course)
        self.sharing, self.tracer, self.recorder = sharing, tracer, recorder
        self.visible = frozenset(sharing.racy)
        self.looked_at = frozenset(sharing.looked_at)
        self.order = Order(sharing)
        self.history = History()
        self.strands: list[Strand] = []
        self.current: Strand
        self.now = 0.0
        self._limits = limits
        self.loose = 0
        """How many strands besides main may be under way, as far as main knows: not joined yet."""
        self.points = self.loops = self.switches = 0
        self.branches: list[tuple[int, tuple[int, ...]]] = []
        """The points after the plan where it could go on otherwise, and what each option costs."""
        self.taken: list[tuple[int, int]] = []
        """At which points not the usual option was taken, and which one."""
        self.preemptions = 0
        self.over = False
        self.pruned = False
        self.failure: Failure | None = None
        self.output: list[str] = []
        self.made: dict[tuple[CodeType, int], int] = {}
        """How many primitives were made at each place in the code."""
        self.numbered = {site for site, made in alike.made.items() if made > 1} if alike else set()
        """At which places several will be made, known from a run like this one."""
        self.identities: dict[int, tuple[object, int]] = {}
        """Objects whose `id()` was asked for, kept lest it become another's; and the answers."""
        self.iterated: dict[FrameType, Any] = {}
        """What the comprehensions under way go through, by their frames."""
        self.lost: list[Strand] = []
        """Strands that could not be ended."""
        self._seen = seen
        self._priorities = priorities
        self._carriers = carriers
        self._spoiled: list[Carrier] | None = None
        self._ended = _thread.allocate_lock()
        self._ended.acquire()

    # -- from outside

    def execute(self, scenario: Callable[[], object]) -> None:
        """Run the scenario to its end; no strand is left."""
        global _run
        main = self.spawn("main", scenario, 1)
        self.current = main
        _run = self
        try:
            self._resume(main)
            self._supervise()
        except BaseException:  # Ctrl-C
            self.over = True
            if not self._ended.acquire(timeout=0.1):
                self._force()
            raise
        finally:
            _run = None

    def _supervise(self) -> None:
        """Wait for the end; put one where a strand is stuck."""
        seen, since, used = (-1, -1, False), time.monotonic(), time.process_time()
        while not self._ended.acquire(timeout=0.1):
            beat = (self.points, self.loops, self.over)
            now = time.monotonic()
            if beat == seen and self.over and now - since > GRACE:
                self._force()
                return
            if beat != seen:
                seen, since, used = beat, now, time.process_time()
            elif now - since > PATIENCE:
                busy = time.process_time() - used > 0.3 * (now - since)
                self._stuck(busy)
                self._force()
                return

    def _stuck(self, busy: bool) -> None:
        strand = self.current
        frame = sys._current_frames().get(strand.ident)
        while frame is not None and not self.tracer.under_test(frame.f_code):
            frame = frame.f_back
        if frame is not None:
            strand.where = (frame.f_code.co_filename, frame.f_lineno)
        if busy:
            self.fail("no progress", f"{strand.name} runs on and on{at(strand)}")
        else:
            self.fail(
                "stuck",
                f"{strand.name} waits{at(strand)} for something that is not under control: input, "
                "a process, or a lock or queue that was made before explore()",
            )

    def _force(self) -> None:
        """End strands that swallow Abort, as `except BaseException: pass` in a loop does."""
        self._spoiled = []
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        try:
            # One that is stuck stands in no code of Python, where it could be made to end.
            stuck = self.failure is not None and self.failure.kind == "stuck"
            for _ in range(400 if stuck else 4_000):
                carrier = self.current.carrier
                if carrier is not None and not self.current.done:
                    carrier.throw(Abort)
                if self._ended.acquire(timeout=0.0005):
                    break
            else:
                self.lost = [s for s in self.strands if s.carrier is not None and not s.done]
                Carrier.calm()
        finally:
            sys.setswitchinterval(interval)
            # One that has been thrown at may still have an exception to come: use it no more.
            for carrier in self._spoiled:
                carrier.end(1.0)

    # -- strands

    def spawn(self, name: str, target: Callable[[], object], past: int) -> Strand:
        """Add a strand; it runs when it is chosen for the first time."""
        strand = Strand(len(self.strands), name, target, past)
        self.order.begin(self.current.id if self.strands else None)
        self.loose += bool(self.strands)
        self.strands.append(strand)
        return strand

    def joined(self, me: Strand, other: Strand) -> None:
        """Note that `me` knows that `other` has ended."""
        self.order.join(me.id, other.id)
        if not other.joined:
            other.joined = True
            self.loose -= 1

    def _resume(self, strand: Strand) -> None:
        if strand.carrier is None:
            strand.carrier = self._carriers.take()
            strand.ident = strand.carrier.ident
            strand.carrier.begin(lambda: self._body(strand))
        else:
            strand.carrier.pass_to()

    def _body(self, strand: Strand) -> None:
        try:
            if strand.id:
                self.tracer.start()
            strand.context.run(strand.target)
        except (Abort, SystemExit):
            pass
        except BaseException as error:
            strand.error = error
        while True:
            try:
                self.tracer.stop()
                self._finish(strand)
                return
            except Abort:  # thrown at a strand that was about to end anyway
                continue

    def _finish(self, strand: Strand) -> None:
        if not strand.done:
            strand.done = True
            strand.past = hash((strand.past, 11))
            if not self.over:
                self._account_for(strand)
        successor: Strand | None = None
        if not self.over:
            try:
                successor = self._choose(strand, gone=True)
                self.switches += 1
            except Abort:
                pass
        if self.over:  # the next one that has begun ends too, one after another
            successor = next((s for s in self.strands if s.carrier and not s.done), None)
        assert strand.carrier is not None
        if self._spoiled is None:
            self._carriers.give_back(strand.carrier)
        else:
            self._spoiled.append(strand.carrier)
        if successor is None:
            self._ended.release()
        else:
            self.current = successor
            self._resume(successor)

    def _account_for(self, strand: Strand) -> None:
        error = strand.error
        if self.recorder is not None:
            self.recorder.ends(strand, error)
        if error is not None:
            kind = "assertion" if isinstance(error, AssertionError) else "exception"
            what = type(error).__name__
            text = message_of(error).strip()
            self.fail(kind, f"{what} in {strand.name}" + (f": {text}" if text else ""))
        elif all(s.done or s.daemon for s in self.strands):
            self.over = True

    def fail(self, kind: str, message: str) -> None:
        """End the schedule: it has failed."""
        if not self.over:
            self.over = True
            self.failure = Failure(kind, message)

    # -- points

    def point(
        self,
        me: Strand,
        ready: Callable[[], bool] | None = None,
        deadline: float | None = None,
        *,
        yields: bool = False,
    ) -> bool:
        """Let others go on here, if so planned; return once `ready()`, or False at `deadline`."""
        if self.over:
            raise Abort
        if not self._limits and ready is not None and deadline is not None and deadline > self.now:
            deadline = None
        me.ready, me.deadline, me.fired = ready, deadline, False
        # That it has come here is part of the state, and so is a timer that runs.
        me.past = hash((me.past, -1.0 if deadline is None else deadline))
        if self.recorder is not None:
            self.recorder.point(me, ready is not None and not ready())
        chosen = self._choose(me, yields=yields)
        if chosen is not me:
            me.spins = 0
            self.switches += 1
            self.current = chosen
            self._resume(chosen)
            assert me.carrier is not None
            me.carrier.wait()
            if self.over:
                raise Abort
        me.ready = me.deadline = None
        if me.fired:
            self.touch(me, "clock")
            return False
        return True

    def sync(
        self,
        me: Strand,
        verb: str,
        on: Any,
        ready: Callable[[], bool] | None = None,
        deadline: float | None = None,
        *,
        writes: bool = True,
    ) -> bool:
        """Reach the point before an operation, and note the operation; as `point` otherwise."""
        if self.over:
            raise Abort
        me.doing = (verb, on)
        in_time = self.point(me, ready, deadline)
        me.spins = 0
        self.touch(me, on, writes=writes)
        if self.recorder is not None:
            self.recorder.operation(me, verb, on, in_time)
        return in_time

    def touch(self, me: Strand, on: Any, *, writes: bool = True) -> None:
        """Note that `me` changes, or looks at, a primitive."""
        self.order.pass_through(me.id, on)
        history = self.history
        me.past = history.write(on, me.past) if writes else history.read(on, me.past)

    def _choose(self, me: Strand, *, gone: bool = False, yields: bool = False) -> Strand:
        """Say who goes on: `me`, unless it can't, or is `gone`, or the plan has another."""
        number = self.points
        self.points = number + 1
        if number < self._repeats:
            return self._repeat(self.course[number])
        usual = number not in self.plan and self._priorities is None
        if usual and not (gone or yields) and me.able():
            if number < self.last:
                self.course.append(me.id)
                return me
            if self.cost >= self.bound and number <= MAX_POINTS:
                if self._seen is not None and number > self.last:
                    self._look_up(me.past)
                self.course.append(me.id)
                return me
        if number > MAX_POINTS:
            self._no_progress(me, f"{MAX_POINTS:,} switch points")
        able = [s for s in self.strands if not s.done and s.able()]
        timers = [
            s for s in self.strands if s.deadline is not None and not s.done and s not in able
        ]
        timers.sort(key=lambda s: (s.deadline, s.id))
        mine = me in able and not (yields and (len(able) > 1 or timers))
        if number > self.last and self._seen is not None:
            self._look_up(me.past if mine else (hash((me.past, 7)) if yields else -1))
        options = [me] if mine else []
        others = [s for s in able if s is not me]
        options += [s for s in others if s.id > me.id] + [s for s in others if s.id < me.id]
        # A timer may go off while others could still run: they are slow. That, too, is a
        # preemption; but if nobody can run, time passes at once.
        costs = [int(mine and s is not me) for s in options]
        costs += [int(bool(options) or i > 0) for i in range(len(timers))]
        options += timers
        if not options:
            self._nobody_can_go_on()
            raise Abort
        if self._priorities is None:
            choice = self.plan.get(number, 0)
        else:
            choice = self._priorities.choose(number, me, options, yields=yields)
        if number > self.last and any(self.cost + c <= self.bound for c in costs[1:]):
            self.branches.append((number, tuple(costs)))
        if choice >= len(options):
            self._leave_course()
        chosen = options[choice]
        if choice:
            self.taken.append((number, choice))
            self.preemptions += costs[choice]
        if choice >= len(options) - len(timers):
            self._go_off(chosen)
            self.course.append(~chosen.id)
        else:
            self.course.append(chosen.id)
        return chosen

    def _repeat(self, number: int) -> Strand:
        """Have the same strand go on as in the run that this one repeats."""
        fires = number < 0
        if fires:
            number = ~number
        if number >= len(self.strands):
            self._leave_course()
        chosen = self.strands[number]
        if fires:
            if chosen.done or chosen.deadline is None:
                self._leave_course()
            self._go_off(chosen)
        elif chosen.done or not chosen.able():
            self._leave_course()
        return chosen

    def _go_off(self, strand: Strand) -> None:
        """Let the timer of a strand go off: it is that time now."""
        assert strand.deadline is not None
        strand.fired, self.now = True, max(self.now, strand.deadline)

    def _leave_course(self) -> NoReturn:
        self.fail("not repeatable", NOT_REPEATABLE)
        raise Abort

    def _look_up(self, turn: int) -> None:
        """End the schedule if one like it has been explored from here on."""
        assert self._seen is not None
        state = (turn, *sorted([s.past for s in self.strands]))
        left = self.bound - self.cost
        if self._seen.get(state, -1) >= left:
            self.over = self.pruned = True
            raise Abort
        self._seen[state] = left

    def loop(self, me: Strand) -> None:
        """Note a jump backward; a strand that only looks and waits lets others have a turn."""
        if self.over:
            raise Abort
        self.loops += 1
        me.spins += 1
        if self.loops > MAX_LOOPS:
            self._no_progress(me, f"{MAX_LOOPS:,} times round loops")
        if me.spins > SPINS:
            me.spins = 0
            if self.loose:
                me.doing = ("go round and round", None)
                self.point(me, yields=True)

    # -- when nobody can go on

    def _no_progress(self, me: Strand, after: str) -> NoReturn:
        if self.recorder is not None:
            self.recorder.remark(me, f"has no end after {after}")
        self.fail("no progress", f"{after} and no end: {self.who_waits()}")
        raise Abort

    def _nobody_can_go_on(self) -> None:
        waiting = [s for s in self.strands if not s.done]
        if self.recorder is not None:
            self.recorder.nobody_can_go_on(waiting)
        lost = [text for s in waiting if (text := lost_wakeup(s))]
        if lost:
            self.fail("lost wakeup", f"{_some(lost)}; {self.who_waits()}")
        elif self.strands[0].done:
            self.fail("left running", "main has ended, but " + self.who_waits())
        else:
            self.fail("deadlock", self.who_waits())

    def who_waits(self) -> str:
        """Say what each strand that has not ended is about to do."""
        return _some(
            [doing(s) for s in self.strands if not s.done and not isinstance(s.doing[1], Group)]
        )


def _some(told: Sequence[str]) -> str:
    """Join what is told of several strands; of many, the first two stand for all."""
    return "; ".join(told if len(told) < 4 else [*told[:2], f"and {len(told) - 2} more like that"])


NOT_REPEATABLE: Final = (
    "the same schedule took another course the second time: the scenario starts from something "
    "that was left behind. Make everything it uses inside the scenario. (If it does so: the hash() "
    "of an object is another in each run, and so is the order of a set of objects)"
)


_run: Run | None = None


def me() -> Strand | None:
    """Return the strand that calls, or None: then the caller is not under control."""
    run = _run
    if run is not None and run.current.ident == _thread.get_ident():
        return run.current
    return None


def run() -> Run:
    """Return the schedule under way."""
    assert _run is not None
    return _run


def join_all(current: Run, me: Strand, group: Sequence[Strand]) -> None:
    """Have `me` wait until all of the group have ended."""
    me.doing = ("join", Group(" and ".join(s.name for s in group)))
    current.point(me, lambda: all(s.done for s in group))
    me.past = hash((me.past, *sorted(s.past for s in group)))
    for strand in group:
        current.joined(me, strand)
    current.tracer.rest(current)
