"""explore: finds what is wrong, the same way each time, and lets pass what is right."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from lab.lab_fuzz import compare
from lab.lab_programs import BUGS, CORRECT
from taskqueue_edu.lab.interleave import explore, replay, together
from taskqueue_edu.lab.interleave.primitives import Primitive
from taskqueue_edu.lab.isolate import isolated

HERE = Path(__file__).parent
PROGRAMS = int(os.environ.get("TASKQUEUE_EDU_LAB_PROGRAMS", "15"))
"""How many random programs are compared."""
TIMES = int(os.environ.get("TASKQUEUE_EDU_LAB_TIMES", "5"))
"""How often each mistake is looked for."""


@pytest.mark.parametrize("name", BUGS)
def test_finds_the_mistake(name: str) -> None:
    """Each usual mistake is found, named with its kind, and shown step by step."""
    scenario, kind = BUGS[name]
    verdict = explore(scenario)
    assert (verdict.ok, verdict.kind) == (False, kind)
    assert verdict.steps
    assert verdict.bound <= 2


@pytest.mark.slow
@pytest.mark.parametrize("name", BUGS)
def test_finds_it_every_time(name: str) -> None:
    """Each exploration comes to the same verdict, after the same number of schedules."""
    scenario, _ = BUGS[name]
    first = explore(scenario)
    for _ in range(TIMES - 1):
        again = explore(scenario)
        assert again.kind == first.kind
        assert (again.schedules, again.states, again.steps) == (
            first.schedules,
            first.states,
            first.steps,
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", CORRECT)
def test_exhausts_what_is_right(name: str) -> None:
    """A correct program passes in all schedules with up to two preemptions."""
    verdict = explore(CORRECT[name])
    assert verdict.ok, str(verdict)
    assert (verdict.kind, verdict.bound, verdict.steps) == ("ok", 2, ())


@pytest.mark.slow
def test_does_not_depend_on_the_hash_seed() -> None:
    """Two interpreters with different hash seeds count the same schedules."""
    source = (
        "from lab_programs import BUGS, CORRECT\n"
        "from taskqueue_edu.lab.interleave import explore\n"
        "for scenario in (BUGS['if_around_wait'][0], CORRECT['pool_that_drains']):\n"
        "    v = explore(scenario); print(v.kind, v.schedules, v.states, v.message)\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", source],
            cwd=HERE,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(HERE.parent.parent)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, PROGRAMS, 50))
def test_leaves_out_only_what_makes_no_difference(first: int) -> None:
    """Random programs end in the same ways in the reduced search as in the plain one."""
    for seed in range(first, min(first + 50, PROGRAMS)):
        both = compare(seed)
        if both is not None:
            plain, reduced = both
            assert plain == reduced, f"python tests/lab/lab_fuzz.py {seed} {seed + 1}"


def test_code_that_is_compiled_anew_in_each_run() -> None:
    """A module that every run makes afresh is watched in every run, though its code is equal."""
    source = "done = 0\ndef finish():\n    global done\n    done += size()\n"
    seen = set()

    def scenario() -> None:
        space: dict[str, Any] = {"size": lambda: 1}
        exec(compile(source, "<a cell>", "exec"), space)
        together(space["finish"], space["finish"])
        seen.add(space["done"])

    assert explore(scenario).ok
    assert seen == {1, 2}


@pytest.mark.parametrize("looks_again", [False, True])
def test_a_notification_goes_to_one_whose_time_is_up(looks_again: bool) -> None:
    """It is lost on a thread that gives up without a last look, and not on one that looks."""

    def scenario() -> None:
        changed, items = threading.Condition(), list[str]()

        def put() -> None:
            with changed:
                items.append("a")
                changed.notify()

        def take(timeout: float | None) -> bool:
            with changed:
                while not items:
                    if not changed.wait(timeout) and not (looks_again and items):
                        return False
                items.pop()
                return True

        def hasty() -> None:
            if take(1):
                put()

        together(hasty, lambda: take(None), put)

    verdict = explore(scenario)
    assert verdict.kind == ("ok" if looks_again else "lost wakeup"), verdict


# -- the verdict


def test_the_shortest_schedule_is_shown() -> None:
    """A lost update takes one preemption, and the text has a column for each thread."""
    verdict = explore(BUGS["lost_update"][0])
    assert verdict.bound == 1
    text = str(verdict)
    assert "add 1" in text
    assert "add 2" in text
    assert "sees n = 0" in text
    assert "writes n = 1" in text
    assert "raises AssertionError" in text
    page = verdict._repr_html_()
    assert '<th scope="col"' in page
    assert "sees n = 0" in page


def test_a_list_that_may_have_been_exchanged_is_not_shown_as_none() -> None:
    """A write into a list is told without a value, if another thread assigns the variable."""

    class Box:
        def __init__(self) -> None:
            self.open = True
            self.jobs: list[str] = []

        def add(self) -> None:
            if self.open:
                self.jobs.append("a")

        def close(self) -> list[str]:
            self.open = False
            jobs, self.jobs = self.jobs, []
            return jobs

    def scenario() -> None:
        box, left = Box(), list[str]()
        together(box.add, lambda: left.extend(box.close()))
        assert not box.jobs, "added after the end"

    text = str(explore(scenario))
    assert "writes into jobs" in text
    assert "jobs = None" not in text


def test_a_method_that_only_counters_have_looks_into_them() -> None:
    """Between two looks at a counter another thread may count on."""

    def scenario() -> None:
        votes = Counter(ann=2, bob=1)
        seen = []

        def look() -> None:
            seen.append(votes.most_common(1))
            seen.append(votes.most_common(1))

        def vote() -> None:
            votes["bob"] = 5

        together(look, vote)
        assert seen[0] == seen[1]

    assert explore(scenario).kind == "assertion"


def test_many_who_wait_are_told_in_short() -> None:
    """Of more than three threads, two are told, and how many there are beside them."""

    def scenario() -> None:
        changed = threading.Condition()
        closed: list[bool] = []

        def get() -> None:
            with changed:
                while not closed:
                    changed.wait()

        def close() -> None:
            with changed:
                closed.append(True)
                changed.notify()

        together(*[get] * 6, close)

    verdict = explore(scenario, bound=0)
    assert verdict.kind == "lost wakeup"
    assert verdict.message.count("and 3 more like that") == 2
    assert verdict.message.count("waits for changed") == 2


def test_an_executor_after_an_exploration(run_python: Callable[..., Any]) -> None:
    """Executors work as ever then; those that an exploration has left say nothing at the end."""
    done = run_python("""
        from concurrent.futures import ThreadPoolExecutor, as_completed
        from taskqueue_edu.lab.interleave import explore

        def scenario():
            executor = ThreadPoolExecutor(2)
            first, second = (executor.submit(len, text) for text in ("a", "bc"))
            done = [future.result() for future in as_completed([first, second])]
            executor.submit(executor.submit(len, "abc").result).result()
            assert done == [1, 2]

        print(explore(scenario).kind)
        with ThreadPoolExecutor(2) as executor:
            print(sorted(f.result() for f in as_completed([executor.submit(len, "abc")])))
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "assertion\n[3]\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_after_an_exploration(run_python: Callable[..., Any]) -> None:
    """Threads that an exploration has left behind don't disturb a fork."""
    done = run_python("""
        import gc
        import os
        import threading
        import warnings
        from taskqueue_edu.lab.interleave import explore

        def scenario():
            thread = threading.Thread(target=print)
            thread.itself = thread
            thread.start()
            thread.join()

        gc.disable()
        explore(scenario)
        warnings.simplefilter("ignore")  # Python 3.12 warns of threads that the lab keeps
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)
    """)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_variable_may_get_its_value_after_the_closure_that_reads_it() -> None:
    """A thread may read it before; one that is assigned before can't be read too early."""

    def late() -> None:
        def read() -> None:
            assert number == 3

        thread = threading.Thread(target=read)
        thread.start()
        number = 3
        thread.join()

    def early() -> None:
        number = 3

        def read() -> None:
            assert number == 3

        thread = threading.Thread(target=read)
        thread.start()
        thread.join()

    def again() -> None:
        number = 3

        def read() -> None:
            assert number == 3

        thread = threading.Thread(target=read)
        thread.start()
        number = 4
        thread.join()

    assert explore(late).kind == "exception"
    assert explore(early).ok
    assert explore(again).kind == "assertion"


def test_a_deadlock_says_who_waits_for_whom() -> None:
    """The message names both locks and who holds them."""
    message = explore(BUGS["ab_ba"][0]).message
    assert "transfer 1 waits to acquire lock 2" in message
    assert "which transfer 2 holds" in message
    assert "transfer 2 waits to acquire lock 1" in message


def test_a_deadlock_says_who_keeps_the_lock_of_a_condition() -> None:
    """Whoever was woken waits for the lock, and somebody who has ended has it."""

    def scenario() -> None:
        changed = threading.Condition()
        there: list[int] = []

        def get() -> None:
            with changed:
                while not there:
                    changed.wait()

        def put() -> None:
            changed.acquire()
            there.append(1)
            changed.notify()

        together(get, put)

    verdict = explore(scenario)
    assert verdict.kind == "deadlock"
    assert "get waits to acquire changed" in verdict.message
    assert "which put still holds, though it has ended" in verdict.message


def test_a_verdict_can_be_run_again() -> None:
    """replay runs the failing schedule and comes to the same steps."""
    verdict = explore(BUGS["ab_ba"][0])
    again = replay(verdict)
    assert (again.kind, again.message, again.steps) == (
        verdict.kind,
        verdict.message,
        verdict.steps,
    )
    with pytest.raises(ValueError, match="no schedule"):
        replay(explore(CORRECT["counter_with_a_lock"]))


def test_a_spent_budget_is_no_verdict() -> None:
    """If the budget doesn't suffice, the verdict is neither, and says how far it came."""
    verdict = explore(CORRECT["pool_that_drains"], budget=100)
    assert verdict.ok is None
    assert verdict.kind == "budget spent"
    assert verdict.schedules == 100
    assert not verdict
    assert "up to" in verdict.message


def two_flags() -> None:
    """Goes wrong with three preemptions, and no fewer."""
    seen: list[str] = []
    a = b = 0

    def one() -> None:
        nonlocal a
        a = 1
        a = 2
        a = 0

    def two() -> None:
        nonlocal b
        for wanted in (1, 2):
            if a != wanted:
                return
            b = wanted
        seen.append("both")

    together(one, two)
    assert not seen


def test_random_schedules_reach_beyond_the_bound() -> None:
    """What takes more preemptions than the bound is found by chance, the same way each time."""
    assert explore(two_flags, bound=1).ok
    verdict = explore(two_flags, bound=1, beyond=100, seed=2)
    assert (verdict.ok, verdict.kind) == (False, "assertion")
    assert verdict.bound == 3
    again = explore(two_flags, bound=1, beyond=100, seed=2)
    assert (again.schedules, again.steps) == (verdict.schedules, verdict.steps)
    assert replay(verdict).steps == verdict.steps


def test_the_verdict_says_how_many_random_schedules_passed() -> None:
    """Random schedules are no proof: the verdict names their number and seed beside the bound."""
    verdict = explore(CORRECT["counter_with_a_lock"], beyond=20, seed=3)
    assert verdict.ok
    assert verdict.bound == 2
    assert "up to 2 preemptions passed; 20 random ones beyond passed too (seed 3)" in str(verdict)
    assert verdict.schedules == explore(CORRECT["counter_with_a_lock"]).schedules + 20


def test_a_scenario_that_builds_on_the_last_run_is_found_out() -> None:
    """If the same schedule takes another course, the verdict says so instead of guessing."""
    runs: list[int] = []

    def scenario() -> None:
        runs.append(1)
        assert len(runs) != 1

    assert explore(scenario).kind == "not repeatable"


def test_what_was_made_outside_is_named() -> None:
    """Its lock is real, and nobody gets it: the verdict says so. The next is not spoiled."""
    gate = Gate()

    def two_pass() -> None:
        together(gate.pass_by, gate.pass_by)

    def both() -> bytes:
        message = explore(two_pass).message
        began = time.monotonic()
        kind = explore(BUGS["lost_update"][0]).kind
        return f"{message}; then {kind} in {time.monotonic() - began:.0f} s".encode()

    # In a copy of this process, since its threads stay where they are stuck.
    told = (isolated(both).answer or b"").decode()
    assert told.startswith("gate was made outside the scenario")
    assert told.endswith("; then assertion in 0 s")


class Gate:
    """Lets one through."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.passed = 0

    def pass_by(self) -> None:
        with self.changed:
            self.passed += 1
            self.changed.wait_for(lambda: self.passed == 1)


@pytest.mark.parametrize("key", [id, lambda lock: id(lock)])
def test_an_order_by_identity_is_one(key: Callable[[object], int]) -> None:
    """`id()` gives the same numbers whenever a schedule is run again: such locks make no circle."""

    def scenario() -> None:
        one, other = threading.Lock(), threading.Lock()
        assert id(one) != id(other)
        assert id(one) == id(one)

        def move(*locks: threading.Lock) -> None:
            first, second = sorted(locks, key=key)
            with first, second:
                pass

        together(lambda: move(one, other), lambda: move(other, one))

    verdict = explore(scenario)
    assert verdict.ok
    assert (verdict.states, verdict.message) == (explore(scenario).states, verdict.message)
    assert id is __builtins__["id"]  # type: ignore[index]


def test_who_looks_before_it_waits_has_lost_no_wakeup() -> None:
    """A notification that came before is no news for a thread that has looked at the data."""

    def scenario() -> None:
        changed, items = threading.Condition(), ["one that nobody takes"]
        with changed:
            changed.notify_all()

        def put() -> None:
            with changed:
                changed.wait_for(lambda: not items)
                items.append("another")

        together(put, items.copy)

    verdict = explore(scenario)
    assert verdict.kind == "deadlock"
    assert "notified" not in verdict.message


# -- what is put in place, and left as it was


def test_primitives_that_are_made_in_one_line_have_their_own_names() -> None:
    """Each is called as the variable or attribute that it was assigned to."""

    class Buffer:
        def __init__(self) -> None:
            lock = threading.Lock()
            self.room, self.stock = threading.Condition(lock), threading.Condition(lock)
            self.number, self.door = 1, threading.Lock()
            one, other, last = threading.Event(), threading.Event(), threading.Event()
            self.all = one, other, last
            self.way = way = threading.Semaphore(0)
            self.exit = way

    names = []

    def scenario() -> None:
        made = Buffer()
        found = [made.room, made.stock, made.door, *made.all, made.way]
        names.extend(one.name for one in found if isinstance(one, Primitive))

    explore(scenario)
    assert names[:7] == ["room", "stock", "door", "one", "other", "last", "way"]


def test_names_imported_from_threading_are_under_control() -> None:
    """A lock made through an imported name, or as a default of a dataclass, can deadlock too."""

    @dataclass
    class Pair:
        a: Lock = field(default_factory=threading.Lock)

    def scenario() -> None:
        pair, b = Pair(), Lock()

        def one() -> None:
            with pair.a, b:
                pass

        def two() -> None:
            with b, pair.a:
                pass

        together(one, two)

    assert explore(scenario).kind == "deadlock"


jobs: queue.Queue[int] = queue.Queue()
jobs.put(1)


def test_what_a_module_has_begins_anew_in_each_schedule() -> None:
    """A queue made before the exploration is as full as it was, in each schedule and after."""

    def take() -> None:
        if not jobs.empty():
            jobs.get()

    assert explore(lambda: together(take, take)).kind == "deadlock"
    assert explore(lambda: together(take)).ok
    assert jobs.qsize() == 1
    assert type(jobs) is queue.Queue


def test_everything_is_left_as_it_was() -> None:
    """Names, the trace function and the threads of the process are those of before."""
    before = (threading.Lock, threading.Thread.start, queue.Queue, time.sleep, sys.stdout)
    alive = set(threading.enumerate())

    def trace(*_: object) -> None:
        return None

    sys.settrace(trace)
    try:
        explore(BUGS["lost_update"][0])
        kept = sys.gettrace()
    finally:
        sys.settrace(None)
    assert kept is trace
    after = (threading.Lock, threading.Thread.start, queue.Queue, time.sleep, sys.stdout)
    assert all(x is y for x, y in zip(before, after, strict=True))
    assert set(threading.enumerate()) == alive


def swallow_everything() -> None:
    n = 0

    def work() -> None:
        nonlocal n
        while True:
            try:
                n += 1
                time.sleep(1)
            except BaseException:
                pass

    together(work, work)


def loop_for_ever() -> None:
    while True:
        pass


def a_thread_never_joined() -> None:
    threading.Thread(target=threading.Event().wait).start()


@pytest.mark.slow
@pytest.mark.parametrize(
    "scenario", [swallow_everything, loop_for_ever, a_thread_never_joined], ids=lambda s: s.__name__
)
def test_leaves_no_thread_behind(scenario: Callable[[], None]) -> None:
    """Code that catches everything, loops for ever or never joins gets a verdict, and is ended."""
    alive = set(threading.enumerate())
    verdict = explore(scenario)
    assert verdict.ok is False
    assert set(threading.enumerate()) == alive


def test_other_threads_keep_their_real_primitives() -> None:
    """A thread that is not under control makes real locks while explorations run."""
    real = type(threading.Lock())
    made: list[type] = []
    ended: list[bool] = []

    def outsider() -> None:
        while not ended:
            made.append(type(threading.Lock()))
            time.sleep(0.0005)

    thread = threading.Thread(target=outsider)
    thread.start()
    while len(made) < 20:
        explore(BUGS["lost_update"][0])
    ended.append(True)
    thread.join()
    assert set(made) == {real}


def test_together_also_works_outside() -> None:
    """Outside of explore, together starts ordinary threads and raises what they raise."""
    box: queue.Queue[int] = queue.Queue()
    together(lambda: box.put(1), lambda: box.put(box.get() + 1))
    assert box.get() == 2
    with pytest.raises(ZeroDivisionError):
        together(lambda: 1 // 0)


def test_a_thread_of_together_may_start_one_itself() -> None:
    """It asks for the current thread, to be a daemon if that is one."""

    def scenario() -> None:
        seen: list[int] = []

        def begin() -> None:
            thread = threading.Thread(target=seen.append, args=(1,))
            thread.start()
            thread.join()

        together(begin, lambda: None)
        assert seen == [1]

    verdict = explore(scenario)
    assert verdict.ok, str(verdict)


@pytest.mark.parametrize(("wakes", "kind"), [(True, "ok"), (False, "deadlock")])
def test_without_limits_a_missing_notification_shows(wakes: bool, kind: str) -> None:
    """Only a notification ends the wait then; a sleep ends, and so does a wait of no time."""

    def scenario() -> None:
        changed, items = threading.Condition(), list[int]()
        nobody = threading.Lock()
        nobody.acquire()

        def take() -> None:
            with changed:
                while not items:
                    changed.wait(60)

        def put() -> None:
            time.sleep(1)
            assert not nobody.acquire(timeout=0)
            with changed:
                items.append(1)
                if wakes:
                    changed.notify()

        together(take, put)

    assert explore(scenario).ok
    found = explore(scenario, limits=False)
    assert found.kind == kind
    if not found.ok:
        assert replay(found, limits=False).kind == kind


def test_time_is_virtual() -> None:
    """An hour of sleep takes no time, and the clock shows it."""

    def scenario() -> None:
        began = time.monotonic()
        time.sleep(3600)
        assert time.monotonic() - began >= 3600

    assert explore(scenario).ok
