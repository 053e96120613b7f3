"""Where the time of a task goes, and how far it is from the limit.

The stages of one task's life, one after the other in one thread, so that nothing waits: the
median of blocks of tasks, for no-ops in memory and for the smallest persistent task. The column
of bytecodes says how many steps of the interpreter a stage takes, counted by tracing; it does not
depend on the machine. The limit is a pool of two SimpleQueues: functions go in, results come out,
and nobody can tell which is whose.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType
from typing import Any, Final

from taskqueue_edu import Task, TaskQueue
from taskqueue_edu.executor import run_task
from taskqueue_edu.task import RunningTask
from tests.benchmarks import throughput
from tests.benchmarks.harness import Sample, Session
from tests.benchmarks.report import MICROSECONDS, Report, figures, spread
from tests.benchmarks.work import WORKERS, Echo, Noop, noop

TASKS = 50_000
BLOCK = 500
MEMORY: Final = "no-op"
PERSISTENT: Final = "persistent"
STAGES: Final = ("submit", "claim", "run", "settle", "wait for the result")


class _Life:
    """Tasks that go through the stages together, a block at a time."""

    def __init__(self, folder: str) -> None:
        self.queue = TaskQueue.open(folder) if folder else TaskQueue()
        self.task: Task[Any] = Echo(7) if folder else Noop()
        self.ids: list[str] = []
        self.runs: list[RunningTask | None] = []
        self.outcomes: list[tuple[str, Any]] = []

    def stages(self, count: int) -> list[Callable[[], None]]:
        queue, desk, task = self.queue, self.queue.dispatcher, self.task

        def submit() -> None:
            self.ids = [queue.submit(task) for _ in range(count)]

        def claim() -> None:
            self.runs = [desk.claim("worker-1") for _ in range(count)]

        def run() -> None:
            self.outcomes = [run_task(run) for run in self.runs]  # type: ignore[arg-type]

        def settle() -> None:
            for one, (kind, detail) in zip(self.runs, self.outcomes, strict=True):
                desk.settle(one, kind, detail)  # type: ignore[arg-type]

        def wait() -> None:
            for task_id in self.ids:
                queue.wait_for_result(task_id)

        return [submit, claim, run, settle, wait]


@contextmanager
def _life(persistent: bool) -> Iterator[_Life]:
    with tempfile.TemporaryDirectory() as folder:
        life = _Life(folder if persistent else "")
        with life.queue:
            yield life


def stages(tasks: int, persistent: bool) -> Sample:
    """Return the seconds that a task spends in each stage."""
    times: dict[str, list[float]] = {name: [] for name in STAGES}
    block = min(BLOCK, tasks)
    with _life(persistent) as life:
        for _ in range(max(tasks // block, 1)):
            for name, stage in zip(STAGES, life.stages(block), strict=True):
                began = time.perf_counter()
                stage()
                times[name].append((time.perf_counter() - began) / block)
    return {name: statistics.median(found) for name, found in times.items()}


def bytecodes(persistent: bool) -> Sample:
    """Return how many bytecodes each stage executes for a task."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    def counted(stage: Callable[[], None]) -> int:
        nonlocal count
        count = 0
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            stage()
        finally:
            sys.settrace(before)
        return count

    with _life(persistent) as life:
        for stage in life.stages(BLOCK):
            stage()
        # The difference between 20 tasks and 10 has no share of what a call of a stage costs.
        more = [counted(stage) for stage in life.stages(20)]
        less = [counted(stage) for stage in life.stages(10)]
    return {name: (a - b) / 10 for name, a, b in zip(STAGES, more, less, strict=True)}


def limit(tasks: int) -> Sample:
    """Return the seconds that a call takes in a pool of two SimpleQueues."""
    calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
    results: SimpleQueue[None] = SimpleQueue()

    def work() -> None:
        get, put = calls.get, results.put
        while (call := get()) is not None:
            put(call())

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    began = time.perf_counter()
    for _ in range(tasks):
        calls.put(noop)
    for _ in range(tasks):
        results.get()
    seconds = time.perf_counter() - began
    for _ in threads:
        calls.put(None)
    for thread in threads:
        thread.join()
    return {"seconds": seconds / tasks}


def run(session: Session) -> Report:
    """Measure, and return the table."""
    tasks = session.size(TASKS, 20)
    results = session.measure(
        "profile",
        {
            MEMORY: session.fresh(stages, tasks, False),
            PERSISTENT: session.fresh(stages, tasks // 10, True),
            throughput.PEER: session.fresh(throughput.peer, tasks, False),
            "limit": session.fresh(limit, tasks),
        },
    )
    report = Report(
        "profile",
        "a task, stage by stage, in one thread",
        head=["stage", "µs", "share", "bytecodes"],
    )
    for kind in (MEMORY, PERSISTENT):
        counts = bytecodes(kind == PERSISTENT)
        totals = [sum(sample.values()) for sample in results.get(kind, [])]
        for name in STAGES:
            own = figures(results, kind, name)
            shares = [100 * a / b for a, b in zip(own, totals, strict=True)]
            shown = [value * 1e6 for value in own]
            label, count = f"{kind}: {name}", f"{counts[name]:.0f}"
            report.rows.append([label, spread(shown, 2), spread(shares, 0, "%"), count])
        whole = [value * 1e6 for value in totals]
        count = f"{sum(counts.values()):.0f}"
        report.rows.append([f"{kind}: all of it", spread(whole, 2), "100%", count])
    for name in (throughput.PEER, "limit"):
        other = [value * 1e6 for value in figures(results, name, "seconds")]
        label = "two SimpleQueues, no handles" if name == "limit" else f"{name}, {WORKERS} threads"
        report.rows.append([label, spread(other, 2), "-", "-"])
    report.notes.append(f"{MICROSECONDS.name} a task: median, least and most of the rounds.")
    return report
