"""A pool on the real queue: as many workers as it says, alive through errors, gone at the end."""

import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass
from queue import SimpleQueue

from taskqueue_edu import TaskQueue, WaitTimeout
from taskqueue_edu.course.probes import Deaths
from taskqueue_edu.course.probes import within
from taskqueue_edu.lab.probes import Check
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
        self.runners.put(threading.current_thread())
        self.may_end.wait(timeout=10)


@contextmanager
def _at_work(TinyPool, workers):
    """Give a queue, its pool of so many workers at work, and what ended threads of it."""
    with Deaths() as deaths, closing(TaskQueue()) as queue:
        pool = TinyPool(queue, workers)
        pool.start()
        yield queue, pool, deaths.errors


def _all_end(queue, seconds=3):
    try:
        queue.join(timeout=seconds)
    except WaitTimeout:
        return False
    return True


def _counts(queue):
    return {str(status): count for status, count in queue.registry.counts().items() if count}


@check.probe(question="What does start() wait for, and when does that come?")
def start_comes_back(TinyPool):
    """A pool of two workers is started on an empty queue."""
    with closing(TaskQueue()) as queue:
        within(3, TinyPool(queue, 2).start, when="start() was called")


@check.probe(question="What do start() and _work() have to do with each other?")
def one_worker_two_sums(TinyPool):
    """A pool of one worker gets two sums."""
    with _at_work(TinyPool, 1) as (queue, pool, errors):
        assert queue.dispatcher.pool is pool, "start() did not attach the pool to the queue."
        queue.submit_many([MathTask("sum", (1, 2))] * 2)
        ended = _all_end(queue)
        assert not errors, f"A worker died of {errors[0]!r}."
        assert ended, f"After three seconds the two sums are {_counts(queue)}."


def _one_worker_and_an_error(TinyPool):
    """Give what became of a task that raises an error, and of the sum after it."""
    with _at_work(TinyPool, 1) as (queue, _, _):
        queue.submit_many([MathTask("divide", (1, 0)), MathTask("sum", (1, 2))])
        _all_end(queue)
        return _counts(queue)


@check.probe(
    "errors_reach_main",
    question="Who calls `_work`, and what happens there when a task raises an error?",
)
def somebody_goes_on_after_an_error(TinyPool):
    """A pool of one worker gets a task that raises an error, and then a sum."""
    counts = _one_worker_and_an_error(TinyPool)
    assert "pending" not in counts, (
        f"After three seconds the two tasks are {counts}: nobody goes on after the error."
    )


@check.probe(question="Who is told how a task ended?")
def an_error_is_an_outcome(TinyPool):
    """A pool of one worker gets a task that raises an error, and a sum: both end."""
    counts = _one_worker_and_an_error(TinyPool)
    assert counts == {"failed": 1, "succeeded": 1}, f"After three seconds they are {counts}."


@check.probe(question="How many threads are there, and what is each called?")
def four_workers(TinyPool):
    """A pool of four workers gets four tasks that can end only together."""
    with _at_work(TinyPool, 4) as (queue, _, _):
        everybody = threading.Barrier(4)
        ids = queue.submit_many([_Meets(everybody)] * 4)
        assert _all_end(queue), f"They wait for each other: {_counts(queue)}."
        names = {queue.registry.get(task_id).worker for task_id in ids}
        assert len(names) == 4, f"Four workers need four names; the queue saw {sorted(names)}."


@check.probe(question="What does claim() return when the queue is closed?")
def it_is_closed(TinyPool):
    """The queue is closed while two workers wait for tasks, and join() is called."""
    with _at_work(TinyPool, 2) as (queue, pool, errors):
        queue.close()
        within(3, pool.join, when="The queue was closed and join() called")
        assert not errors, f"A worker died of {errors[0]!r}."


def _close_while_one_works(TinyPool):
    """Tell whether join() returns while a task runs, and whether a daemon thread runs it."""
    runners, may_end = SimpleQueue(), threading.Event()
    with _at_work(TinyPool, 2) as (queue, pool, _):
        queue.submit(_Waits(runners, may_end))
        runner = runners.get(timeout=3)
        queue.close()
        joining = threading.Thread(target=pool.join)
        joining.start()
        joining.join(timeout=0.3)
        early = not joining.is_alive()
        may_end.set()
        joining.join(timeout=3)
        assert not joining.is_alive(), "The task has ended, and join() has not returned."
        return early, runner.daemon


@check.probe(
    "daemons_clean_up",
    question="What may the program do as soon as join() returns, and who is still at work?",
)
def daemons_at_work(TinyPool):
    """The queue is closed and join() called while a worker, a daemon thread, is busy."""
    early, daemon = _close_while_one_works(TinyPool)
    assert not (early and daemon), (
        "join() returned while a task was running. If the program ends now, the task is cut off."
    )


@check.probe(question="For whom does join() wait?")
def somebody_at_work(TinyPool):
    """The queue is closed and join() called while a worker is busy."""
    early, _ = _close_while_one_works(TinyPool)
    assert not early, "join() returned while a task was running."
