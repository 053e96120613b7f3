"""A program drains: all tasks are finished, and the exit code says how."""

import threading
from collections import Counter
from dataclasses import dataclass

from taskqueue_edu import QueueClosed, TaskQueue, WorkerPool
from taskqueue_edu.course.probes import within
from taskqueue_edu.lab.probes import Case, Check
from taskqueue_edu.workloads import MathTask

check = Check("finish")


@dataclass(frozen=True)
class _Gated:
    """Runs until the gate is open."""

    started: threading.Event
    gate: threading.Event

    def execute(self):
        self.started.set()
        self.gate.wait()


class _Pool(WorkerPool):
    """A pool whose gate opens once somebody waits for its end: until then its task runs."""

    def __init__(self, queue):
        super().__init__(1)
        self.gate = threading.Event()
        self.feeds, self.came_late, self.cancels = queue, None, False

    def shutdown(self, wait=True, *, cancel_futures=False):
        if self.came_late is None:
            self.came_late = self.feeds.closed
        self.cancels |= cancel_futures
        super().shutdown(wait=False, cancel_futures=cancel_futures)
        if wait:
            self.gate.set()
            super().shutdown()


def _finished(finish, *more):
    """Return the code, and how the tasks ended: one task runs, the others wait."""
    queue, started = TaskQueue(), threading.Event()
    pool = _Pool(queue)
    try:
        queue.submit_many([_Gated(started, pool.gate), *more])
        pool.start_processing(queue)
        started.wait()
        code = within(8, lambda: finish(queue, pool))
        ends = dict(Counter(str(r.status) for r in queue.registry.records()))
        if pool.came_late and ends != {"succeeded": 1 + len(more)}:
            raise Case(
                f"The queue was closed before the pool was shut down. The tasks ended as {ends}.",
                "What does `close` do with tasks that still wait, in memory?",
            )
        if pool.cancels and ends.get("cancelled"):
            raise Case(
                f"The pool was shut down with `cancel_futures=True`. The tasks ended as {ends}.",
                "What becomes of tasks that are cancelled, and which ones does it cancel?",
            )
        return code, ends
    finally:
        pool.gate.set()
        queue.close()
        pool.stop(1)


_SUMS = [MathTask("sum", (n, n)) for n in range(5)]


@check.probe("shutdown_drains", question="What does `shutdown` wait for, and what becomes of the tasks that still wait?")
def one_runs_and_five_wait(finish):
    """One task runs and five wait when the end comes."""
    _, ends = _finished(finish, *_SUMS)
    assert ends == {"succeeded": 6}, f"When it had returned, the six tasks were {ends}."


@check.probe("shutdown_drains", question="Who works out the exit code, and from what?")
def one_fails(finish):
    """One task succeeds and one fails."""
    code, ends = _finished(finish, MathTask("?", (1, 2)))
    assert code != 0, f"The tasks ended as {ends}, and it returned 0: all is well."


@check.probe(question="When do the counts say how it ended?")
def all_succeed(finish):
    """Six tasks, and all of them succeed."""
    code, ends = _finished(finish, *_SUMS)
    assert code == 0, f"The tasks ended as {ends}, and it returned {code}, expected 0."


@check.probe(question="What else must be ended, so that nobody hands in more?")
def the_queue_is_closed(finish):
    """After the end, one more task is submitted."""
    queue = TaskQueue()
    pool = _Pool(queue)
    pool.start_processing(queue)
    try:
        within(8, lambda: finish(queue, pool))
        queue.submit(MathTask("sum", (1, 2)))
    except QueueClosed:
        return
    finally:
        queue.close()
    raise AssertionError("The queue took it, and there is nobody to run it.")
