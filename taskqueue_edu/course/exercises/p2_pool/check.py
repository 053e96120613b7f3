"""A pool on the real queue: as many workers as it says, alive through errors, gone at the end."""

import threading
import time
import traceback
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from queue import SimpleQueue
from unittest import mock
from weakref import WeakKeyDictionary

from taskqueue_edu import TaskQueue, WaitTimeout
from taskqueue_edu.course.probes import Deaths
from taskqueue_edu.course.probes import within
from taskqueue_edu.dispatch import Dispatcher
from taskqueue_edu.lab.interleave import explore
from taskqueue_edu.lab.probes import SLIPPED, Case, Check, describe
from taskqueue_edu.task import RunningTask
from taskqueue_edu.workloads import MathTask

check = Check("TinyPool")


@dataclass(frozen=True)
class _Meets:
    """Ends when as many tasks run as its barrier waits for."""

    everybody: threading.Barrier

    def execute(self):
        self.everybody.wait(timeout=10)


@dataclass(frozen=True)
class _Waits:
    """Ends when it may; it says who runs it."""

    runners: SimpleQueue
    may_end: threading.Event

    def execute(self):
        self.runners.put((threading.current_thread(), self.may_end))
        self.may_end.wait(timeout=10)


@dataclass(frozen=True)
class _Notes:
    """Says who runs it."""

    runners: SimpleQueue

    def execute(self):
        self.runners.put(threading.current_thread())


_ALWAYS = "this task always fails"


@dataclass(frozen=True)
class _Fails:
    """Raises an error that is its own, and no slip of whoever runs it. It counts its runs."""

    runs: list

    def execute(self):
        self.runs.append("run")
        raise ArithmeticError(_ALWAYS)


@dataclass(frozen=True)
class _Returns:
    """Returns a value."""

    value: object

    def execute(self):
        return self.value


class _Endless(Exception):
    """A worker asks again and again, whatever it is told."""


@contextmanager
def _made(TinyPool, workers):
    """Give a queue, its pool of so many workers, and what ended threads of it.

    At the end the queue is closed, and the threads may end: what they die of then is not taken
    for what the next probe has brought about.
    """
    before = set(threading.enumerate())
    claim, told = Dispatcher.claim, Counter()

    def limited(desk, *args, **kwargs):
        """End a worker that goes on asking after a None: it would take the processor from all."""
        run = claim(desk, *args, **kwargs)
        told[threading.current_thread()] += run is None
        if told[threading.current_thread()] > 100:
            deaths.errors.append(_Endless())
            raise SystemExit
        return run

    with (
        Deaths() as deaths,
        mock.patch.object(threading.Thread, "start", _noted_start),
        mock.patch.object(Dispatcher, "claim", limited),
    ):
        with closing(TaskQueue()) as queue:
            yield queue, TinyPool(queue, workers), deaths.errors
        end = time.monotonic() + 0.3
        for thread in set(threading.enumerate()) - before:
            thread.join(max(end - time.monotonic(), 0))


@contextmanager
def _at_work(TinyPool, workers):
    with _made(TinyPool, workers) as (queue, pool, errors):
        pool.start()
        yield queue, pool, errors


_start, _made_with = threading.Thread.start, WeakKeyDictionary()


def _noted_start(thread):
    if hasattr(thread, "_args"):  # a thread that has ended has them no more
        _made_with[thread] = thread._args, thread._kwargs
    _start(thread)


def _nobody_died(errors):
    if errors:
        *_, (last, _) = traceback.walk_tb(errors[0].__traceback__)
        if last.f_code is threading.Thread.run.__code__:
            args, kwargs = _made_with[last.f_locals["self"]]
            raise Case(
                f"A thread died before its first line, of {describe(errors[0])}. It was made with "
                f"args={args!r}{f', kwargs={kwargs!r}' if kwargs else ''}.",
                "What does the thread call, and what does it give it? What is `args` to be?",
            )
        question = "Which line raises that, and what does it get to work with?"
        if isinstance(errors[0], NameError):
            question = SLIPPED
        elif any(
            frame.f_code is Dispatcher.settle.__code__
            for frame, _ in traceback.walk_tb(errors[0].__traceback__)
        ):
            question = "What did settle() get there, and what would run_task() have returned?"
        raise Case(f"A worker died of {describe(errors[0])}", question)


def _all_end(queue, errors=()):
    """Wait until all tasks have ended, for three seconds, or until one of these `errors` is there."""
    end = time.monotonic() + 3
    while not errors and time.monotonic() < end:
        with suppress(WaitTimeout):
            queue.join(timeout=0.1)
            return True
    return False


def _counts(queue):
    return {str(status): count for status, count in queue.registry.counts().items() if count}


@check.probe(question="What does start() wait for, and when does that come?")
def start_comes_back(TinyPool):
    """A pool of two workers is started on an empty queue."""
    with _made(TinyPool, 2) as (_, pool, _):
        within(3, pool.start, when="start() was called")


@check.probe(question="Which threads call claim(), and on whose desk?")
def one_worker_three_tasks(TinyPool):
    """A pool of one worker gets three tasks, which return 3, 0 and None."""
    with _at_work(TinyPool, 1) as (queue, pool, errors):
        if queue.dispatcher.pool is not pool:
            raise Case(
                "start() did not attach the pool to the queue.",
                "Who tells the queue which pool runs it, so that the monitor can ask?",
            )
        queue.submit_many([_Returns(value) for value in (3, 0, None)])
        ended = _all_end(queue, errors)
        _nobody_died(errors)
        counts = _counts(queue)
        happened = f"After three seconds the three tasks are {counts}."
        if "running" in counts:
            raise Case(
                happened,
                "Which run has each line of your loop, and who tells the queue how it ended?",
            )
        if "succeeded" in counts and not ended:
            raise Case(happened, "What does a worker do when it has settled its first task?")
        assert ended, happened


@check.probe(question="What did run_task() return, and what did settle() get?")
def each_value_arrives(TinyPool):
    """A pool of one worker gets tasks that return 0, "", [], None and two objects: these are the results."""
    with _at_work(TinyPool, 1) as (queue, _, errors):
        values = [0, "", [], None, _Returns(7), ValueError("a value, and no error")]
        ids = queue.submit_many([_Returns(value) for value in values])
        ended = _all_end(queue, errors)
        _nobody_died(errors)
        assert ended, (
            f"Six tasks return {', '.join(map(repr, values))}. After three seconds they are "
            f"{_counts(queue)}."
        )
        for task_id, value in zip(ids, values, strict=True):
            got = queue.wait_for_result(task_id, timeout=0)
            other = ", another object" if got == value and type(got) is type(value) else ""
            assert got is value, f"A task returned {value!r}, and its result is {got!r}{other}."


@cache
def _one_worker_and_an_error(TinyPool):
    """Give what became of a task that raises an error and of the sum after it, and its runs.

    Tell, too, whether both have ended.
    """
    runs = []
    with _at_work(TinyPool, 1) as (queue, _, errors):
        queue.submit_many([_Fails(runs), MathTask("sum", (1, 2))])
        ended = _all_end(queue)
        others = [error for error in errors if not isinstance(error, ArithmeticError)]
        if others and _ALWAYS in str(others[0]):
            raise Case(
                f"A worker died of {describe(others[0])}",
                "Who is to learn that a task has failed, and must the worker raise an error for it?",
            )
        _nobody_died(others)
        return _counts(queue), len(runs), ended


@check.probe(
    "errors_reach_main",
    question="Who calls `_work`, and what happens there when a task raises an error?",
)
def somebody_goes_on_after_an_error(TinyPool):
    """A pool of one worker gets a task that raises an error, and then a sum."""
    counts, *_ = _one_worker_and_an_error(TinyPool)
    assert "pending" not in counts, (
        f"After three seconds the two tasks are {counts}: nobody goes on after the error."
    )


@check.probe(question="Who is told how a task ended?")
def an_error_is_an_outcome(TinyPool):
    """A pool of one worker gets a task that raises an error, and a sum: both end."""
    counts, _, ended = _one_worker_and_an_error(TinyPool)
    assert ended, f"After three seconds they are {counts}."
    if counts != {"failed": 1, "succeeded": 1}:
        raise Case(
            f"Both have ended, and the queue counts them as {counts}.",
            "What is the queue told of the task that failed, and what did run_task() return?",
        )


@check.probe(
    question="Which lines of yours execute a task, and can two of them come to the same one?"
)
def it_runs_once(TinyPool):
    """A pool of one worker gets a task that raises an error: it runs once."""
    _, runs, _ = _one_worker_and_an_error(TinyPool)
    assert runs == 1, f"A task was submitted once, raised an error, and ran {runs} times."


class _Desk:
    """Has these runs to claim. It notes what is settled, who claims, and who gets None."""

    def __init__(self, *runs, closed=False):
        self.pool, self.settled, self.names, self.left = None, [], {}, 0
        self._runs, self._closed = len(runs), closed
        self._left = [RunningTask(name, _Returns(name), 1, "") for name in runs]
        self._changed = threading.Condition()

    @property
    def dispatcher(self):
        return self

    def attach(self, pool):
        self.pool = pool

    def claim(self, name):
        with self._changed:
            self.names[threading.current_thread()] = name
            if self._left:
                return self._left.pop(0)
            if not self._closed:
                self.wait()
            self.left += 1
            return None

    def settle(self, run, kind, detail):
        with self._changed:
            self.settled.append((run.id, detail))
            self._changed.notify_all()

    def wait(self):
        with self._changed:
            self._changed.wait_for(lambda: len(self.settled) >= self._runs)


@cache
def _two_workers(TinyPool):
    def scenario():
        desk = _Desk("a", "b")
        TinyPool(desk, 2).start()
        desk.wait()
        told = [f"the run of {run} with the value of {value}" for run, value in desk.settled]
        assert sorted(desk.settled, key=repr) == [("a", "a"), ("b", "b")], (
            f"a and b were claimed, in a pool of two workers; settle() got {' and '.join(told)}"
        )
        names = sorted(map(str, desk.names.values()))
        assert len(names) == len(set(names)), (
            f"{len(names)} threads have called claim(), under the names {' and '.join(names)}"
        )

    verdict = explore(scenario, bound=1, budget=1000)
    return verdict if verdict.kind == "assertion" else None


@check.probe(
    question="Where does a worker keep its run and what came of it, and who else writes there?",
)
def each_run_is_settled(TinyPool):
    """Two workers have one task each, a and b, which return their names: each outcome is told."""
    verdict = _two_workers(TinyPool)
    return verdict if verdict is not None and "settle()" in verdict.message else None


@check.probe()
def each_has_its_name(TinyPool):
    """Two workers call claim(), in every order: each has a name of its own."""
    verdict = _two_workers(TinyPool)
    if verdict is not None:  # its lines are those of this file: they tell nothing
        raise Case(
            f"In one of the orders, {verdict.message.partition(': ')[2]}.",
            "Where does a worker find its name, and when: what does the other one find there?",
        )


@check.probe(
    question="What is each thread called, and does it run its task itself before it claims another?"
)
def four_workers(TinyPool):
    """A pool of four workers gets four tasks that can end only together."""
    with _at_work(TinyPool, 4) as (queue, _, _):
        everybody = threading.Barrier(4)
        ids = queue.submit_many([_Meets(everybody)] * 4)
        if not _all_end(queue):
            counts = _counts(queue)
            raise Case(
                f"Each of four tasks waits until all four run. After three seconds they are {counts}.",
                "What does a worker wait for, after it has claimed a task?"
                if counts == {"running": 4}
                else "How many threads call claim() at the same time, and what keeps one from it?",
            )
        names = {queue.registry.get(task_id).worker for task_id in ids}
        assert len(names) == 4, (
            f"Four tasks ran at the same time, and the queue saw {len(names)} of four workers: "
            f"{', '.join(sorted(names))}."
        )


@check.probe(question="Which lines make a thread, and how often does each of them run?")
def as_many_threads(TinyPool):
    """A pool of two workers gets six tasks, which note the thread that runs them."""
    with _at_work(TinyPool, 2) as (queue, _, errors):
        runners = SimpleQueue()
        queue.submit_many([_Notes(runners)] * 6)
        _all_end(queue, errors)
        _nobody_died(errors)
        threads = {runners.get() for _ in range(runners.qsize())}
        assert len(threads) <= 2, (
            f"The pool has 2 workers, and {len(threads)} threads ran six tasks."
        )


@contextmanager
def _claimers():
    """Give the threads that call claim()."""
    claim, claimers = Dispatcher.claim, set()

    def noted(desk, *args, **kwargs):
        claimers.add(threading.current_thread())
        return claim(desk, *args, **kwargs)

    with mock.patch.object(Dispatcher, "claim", noted):
        yield claimers


@check.probe(question="What does claim() return when the queue is closed?")
def it_is_closed(TinyPool):
    """The queue is closed while two workers wait for tasks, and join() is called."""
    with _claimers() as claimers, _at_work(TinyPool, 2) as (queue, pool, errors):
        queue.close()
        within(3, pool.join, when="The queue was closed and join() called")
        assert not any(isinstance(error, _Endless) for error in errors), (
            "claim() returned None to a worker, which called it a hundred times more."
        )
        assert not errors, f"A worker died of {errors[0]!r}."
        if len(claimers) > 2:
            raise Case(
                f"The pool has 2 workers, and {len(claimers)} threads have called claim().",
                "How many threads does start() make, for which numbers?",
            )


_wait_for, _sleep = threading.Thread.join, time.sleep


@cache
def _left_at_work(TinyPool, first):
    """Close the queue while two workers are busy, and call join(); then let them end.

    The `first` of them ends first, by the order in which they were started. Tell how many tasks
    still ran when join() returned, whether it had given up waiting for a thread, whether it had
    slept, and whether the workers are daemons that the pool knew when join() was called, and run
    the tasks themselves. All timeouts of `Thread.join` are short meanwhile, and so are the sleeps
    of join(): a task can always take longer than one.
    """
    gave_up, slept = [], []

    def in_a_hurry(thread, timeout=None):
        _wait_for(thread, None if timeout is None else min(timeout, 0.02))
        if thread.is_alive():
            gave_up.append(thread)

    def sleeps(seconds):
        if threading.current_thread() is joining:
            slept.append(seconds)
            seconds = min(seconds, 0.02)
        _sleep(seconds)

    runners, may_end = SimpleQueue(), [threading.Event(), threading.Event()]
    with _claimers() as claimers, _at_work(TinyPool, 2) as (queue, pool, errors):
        queue.submit_many([_Waits(runners, event) for event in may_end])
        found = dict(runners.get(timeout=3) for _ in may_end)
        busy = [thread for thread in threading.enumerate() if thread in found]
        known = _threads_of(pool).issuperset(busy)  # else join() could not wait if it wanted to
        queue.close()
        joining = threading.Thread(target=pool.join)
        with (
            mock.patch.object(threading.Thread, "join", in_a_hurry),
            mock.patch.object(time, "sleep", sleeps),
        ):
            joining.start()
            left = 2
            for thread in (busy[first], busy[1 - first]):
                _wait_for(joining, 0.2)
                if not joining.is_alive():
                    break
                found[thread].set()
                left -= 1
            _wait_for(joining, 3)
        for event in may_end:
            event.set()
        _nobody_died(errors)
        if joining.is_alive():
            raise Case(
                "All tasks have ended, and join() has not returned.", "What does it wait for?"
            )
        daemons = claimers.issuperset(busy) and all(thread.daemon for thread in busy)
        return left, bool(gave_up), bool(slept), known and daemons


def _threads_of(pool):
    """Return the threads in the attributes of a pool, and in the collections there."""
    found = set()
    for value in getattr(pool, "__dict__", {}).values():
        parts = value.values() if isinstance(value, Mapping) else value
        for part in parts if isinstance(parts, Collection) else [value]:
            if isinstance(part, threading.Thread):
                found.add(part)
    return found


def _running(left):
    return f"{left} of 2 tasks {'was' if left == 1 else 'were'} running"


@check.probe(
    "timeout_stops_work",
    question="What does a thread do whose `join(timeout=...)` has returned?",
)
def longer_than_any_timeout(TinyPool):
    """The queue is closed and join() called while two workers have tasks that take very long."""
    left, gave_up, _, _ = _left_at_work(TinyPool, 0)
    assert not (left and gave_up), (
        f"join() waited for a while, and returned while {_running(left)}. It is to return when all "
        "threads have ended."
    )


@check.probe(
    "sleep_synchronizes",
    question="How long may a task take, and by what does join() know that a thread has ended?",
)
def longer_than_any_sleep(TinyPool):
    """The queue is closed and join() called while two workers have tasks that outlast any sleep."""
    left, _, slept, _ = _left_at_work(TinyPool, 0)
    assert not (left == 2 and slept), (
        f"join() slept for a while, and returned while {_running(left)}."
    )


@check.probe(
    "daemons_clean_up",
    question="What may the program do as soon as join() returns, and who is still at work?",
)
def daemons_at_work(TinyPool):
    """The queue is closed and join() called while both workers, daemon threads, are busy."""
    left, _, _, daemons = _left_at_work(TinyPool, 0)
    assert not (left == 2 and daemons), (
        f"join() returned while {_running(left)}. If the program ends now, they are cut off."
    )


@check.probe(question="For which threads does join() wait, and for which does it not?")
def somebody_at_work(TinyPool):
    """The queue is closed and join() called while two workers are busy, who end one by one."""
    for first in (0, 1):
        left, *_ = _left_at_work(TinyPool, first)
        assert not left, f"join() returned while {_running(left)}."


@check.probe(question="What has ended when your join() returns: the tasks, or the threads?")
def on_their_way_out(TinyPool):
    """The last task has ended, the queue is closed, and two workers take a while to leave."""
    claim, may_leave, claimers = Dispatcher.claim, threading.Event(), set()

    def slowly(desk, *args, **kwargs):
        claimers.add(threading.current_thread())
        run = claim(desk, *args, **kwargs)
        if run is None:
            may_leave.wait(timeout=10)
        return run

    with mock.patch.object(Dispatcher, "claim", slowly), _at_work(TinyPool, 2) as (queue, pool, _):
        queue.submit(_Returns(1))
        _all_end(queue)
        queue.close()
        joining = threading.Thread(target=pool.join)
        joining.start()
        joining.join(0.2)
        left = 0 if joining.is_alive() else sum(thread.is_alive() for thread in claimers)
        may_leave.set()
        joining.join(3)
        assert not left, (
            "The queue was closed and join() called when the last task had ended. It returned "
            f"when {left} {'thread' if left == 1 else 'threads'} had not ended."
        )


@check.probe(
    question="By what does join() know how many threads there are, and what each has still to do?"
)
def whoever_comes_last(TinyPool):
    """The queue is closed, with one task left. A pool of two workers is started, and join() called."""

    def scenario():
        desk = _Desk("a", closed=True)
        pool = TinyPool(desk, 2)
        pool.start()
        pool.join()
        settled, left = len(desk.settled), desk.left
        time.sleep(1)  # until all that can go on has gone on
        assert len(desk.settled) == settled, "join() had returned, and then a task was settled"
        assert desk.left == left, "join() had returned, and then a thread of the pool left claim()"

    verdict = explore(scenario, bound=1, budget=1000)
    # A real queue has more: `close`, which may be called twice, `closed`, ...
    return None if "'_Desk' object has no attribute" in verdict.message else verdict


@check.probe(
    question="What does attach() do if another pool runs the queue, and what runs by then?"
)
def another_pool_has_the_queue(TinyPool):
    """Another pool runs the queue already, and start() is called."""
    with closing(TaskQueue()) as queue:
        queue.dispatcher.attach(TinyPool(queue, 1))
        pool, before = TinyPool(queue, 2), set(threading.enumerate())
        with suppress(RuntimeError):  # attach() raises that
            pool.start()
        made = len(set(threading.enumerate()) - before)
        assert not made, f"start() began {made} threads on a queue that another pool runs."
