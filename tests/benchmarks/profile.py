"""Where the time of a task goes, and how far it is from the limit.

The stages of one task's life, one after the other in one thread, so that nothing waits: the
median of blocks of tasks, for no-ops in memory and for the smallest persistent task. The column
of bytecodes says how many steps of the interpreter a stage takes, counted by tracing; it does not
depend on the machine. The limit is a pool of two SimpleQueues: functions go in, results come out,
and nobody can tell which is whose.

The tables after it look at what misses its aim: the round trip, what a persistent task asks of the
system, a no-op in a long queue, opening a journal, `taskqueue --help`.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, Final

from taskqueue_edu import Task, TaskQueue
from taskqueue_edu.executor import run_task
from taskqueue_edu.task import RunningTask
from tests.benchmarks import (
    profile_growth,
    profile_help,
    profile_reopen,
    profile_trip,
    profile_writes,
    throughput,
)
from tests.benchmarks.bytecodes import CLIENT, counted
from tests.benchmarks.harness import Sample, Session
from tests.benchmarks.report import MICROSECONDS, NOTHING, Report, figures, spread
from tests.benchmarks.work import WORKERS, Echo, Noop, noop

TASKS = 50_000
BLOCK = 500
MEMORY: Final = "no-op"
PERSISTENT: Final = "persistent"
STAGES: Final = ("submit", "claim", "run", "settle", "wait for the result")
BATCH: Final = 100
SUBMIT_MANY: Final = f"submit_many({BATCH}) instead"


class _Life:
    """Tasks that go through the stages together, a block at a time."""

    def __init__(self, folder: str, many: bool) -> None:
        self.many = many
        self.queue = TaskQueue.open(folder) if folder else TaskQueue()
        self.task: Task[Any] = Echo(7) if folder else Noop()
        self.ids: list[str] = []
        self.runs: list[RunningTask | None] = []
        self.outcomes: list[tuple[str, Any]] = []

    def stages(self, count: int) -> list[Callable[[], None]]:
        queue, desk, task = self.queue, self.queue.dispatcher, self.task

        def submit() -> None:
            self.ids = [queue.submit(task) for _ in range(count)]

        def submit_many() -> None:
            self.ids = [
                task_id
                for at in range(0, count, BATCH)
                for task_id in queue.submit_many([task] * min(BATCH, count - at))
            ]

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

        return [submit_many if self.many else submit, claim, run, settle, wait]


@contextmanager
def _life(persistent: bool, many: bool) -> Iterator[_Life]:
    with tempfile.TemporaryDirectory() as folder:
        life = _Life(folder if persistent else "", many)
        with life.queue:
            yield life


def stages(tasks: int, persistent: bool, many: bool) -> Sample:
    """Return the seconds that a task spends in each stage; `many`: submitted in batches."""
    times: dict[str, list[float]] = {name: [] for name in STAGES}
    block = min(BLOCK, tasks)
    with _life(persistent, many) as life:
        for _ in range(max(tasks // block, 1)):
            for name, stage in zip(STAGES, life.stages(block), strict=True):
                began = time.perf_counter()
                stage()
                times[name].append((time.perf_counter() - began) / block)
    return {name: statistics.median(found) for name, found in times.items()}


def bytecodes(persistent: bool, many: bool) -> Sample:
    """Return how many bytecodes each stage executes for a task."""

    def steps(stage: Callable[[], None]) -> int:
        with counted() as counts:
            stage()
        return counts[CLIENT]

    with _life(persistent, many) as life:
        for stage in life.stages(BLOCK):
            stage()
        # The difference between 200 tasks and 100 has no share of what a call of a stage costs.
        more = [steps(stage) for stage in life.stages(2 * BATCH)]
        less = [steps(stage) for stage in life.stages(BATCH)]
    return {name: (a - b) / BATCH for name, a, b in zip(STAGES, more, less, strict=True)}


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
            MEMORY: session.fresh(stages, tasks, False, False),
            PERSISTENT: session.fresh(stages, tasks // 10, True, False),
            f"{MEMORY}, many": session.fresh(stages, tasks, False, True),
            f"{PERSISTENT}, many": session.fresh(stages, tasks // 10, True, True),
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
        counts = bytecodes(kind == PERSISTENT, False)
        totals = [sum(sample.values()) for sample in results.get(kind, [])]
        for name in STAGES:
            own = figures(results, kind, name)
            shares = spread([100 * a / b for a, b in zip(own, totals, strict=True)], 0, "%")
            report.rows.append(_row(f"{kind}: {name}", own, shares, counts[name]))
        report.rows.append(_row(f"{kind}: all of it", totals, "100%", sum(counts.values())))
        own = figures(results, f"{kind}, many", STAGES[0])
        count = bytecodes(kind == PERSISTENT, True)[STAGES[0]]
        report.rows.append(_row(f"{kind}: {SUBMIT_MANY}", own, NOTHING, count))
    for name in (throughput.PEER, "limit"):
        label = "two SimpleQueues, no handles" if name == "limit" else f"{name}, {WORKERS} threads"
        report.rows.append(_row(label, figures(results, name, "seconds"), NOTHING, None))
    report.notes.append(f"{MICROSECONDS.name} a task: median, least and most of the rounds.")
    parts = (profile_trip, profile_writes, profile_growth, profile_reopen, profile_help)
    report.parts += [part.run(session) for part in parts]
    return report


def _row(label: str, seconds: list[float], share: str, count: float | None) -> list[str]:
    shown = [value * 1e6 for value in seconds]
    return [label, spread(shown, 2), share, NOTHING if count is None else f"{count:.0f}"]
