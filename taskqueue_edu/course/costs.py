"""What a task costs in one pool and in another: measured in turns, shown as a table and a picture.

Two things would hide small differences. Threads on two cores hand the interpreter to each other,
which takes longer than the bookkeeping of a task, in one run and not in the next: so the steps are
measured on one core. Other programs take their share of that core: so what counts is the processor
time of this process.
"""

from __future__ import annotations

import gc
import io
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from IPython.display import display

WORKERS: Final = 4
TASKS: Final = 1_000
"""How many tasks one run has."""
ROUNDS: Final = 5
"""How many runs each pool has; the median counts."""

# Windows counts processor time in steps of 16 ms, which is as long as a run.
_clock: Final = time.perf_counter if sys.platform == "win32" else time.process_time

Make: TypeAlias = Callable[[int], Any]
"""Makes a pool of so many workers; it has `shutdown()`."""
Work: TypeAlias = Callable[[Any, int], object]
"""Has a pool do so many tasks, waits for all, and returns what its client keeps of them."""


@dataclass(frozen=True)
class Row:
    """One pool, with what a task costs in it."""

    name: str
    make: Make
    work: Work
    microseconds: float
    objects: float
    """How many objects a task leaves that the garbage collector looks at."""
    rate: float
    """How many times as fast as the first pool, measured in turns with it."""


class Costs:
    """The pools measured so far: `rows`. The first is what the others are compared with."""

    def __init__(self, name: str, make: Make, work: Work) -> None:
        """Measure the first pool."""
        with _one_core(), _own_garbage():
            (runs,) = _in_turns([(make, work)], _clock)
            objects = _objects(make, work)
        took = statistics.median(runs)
        self.rows = [Row(name, make, work, took * 1e6, objects, 1.0)]

    def add(self, name: str, make: Make, work: Work) -> str:
        """Measure one more pool in turns with the first and the last.

        Returns how it compares with the last: "slower", "no faster" (by less than a tenth),
        "faster", or "much faster" (by half or more).
        """
        first, last = self.rows[0], self.rows[-1]
        pools = [(first.make, first.work), (last.make, last.work), (make, work)]
        with _one_core(), _own_garbage():
            first_took, last_took, took = map(statistics.median, _in_turns(pools, _clock))
            objects = _objects(make, work)
        self.rows.append(Row(name, make, work, took * 1e6, objects, first_took / took))
        return _in_words(last_took / took)

    def __getitem__(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def show(self) -> None:
        """Print the table. Its bars end at 12 times as fast as the first."""
        width = max(len(row.name) for row in self.rows)
        sys.stdout.write(f"{'':{width}}  µs a task  objects  times as fast\n")
        for row in self.rows:
            bar = "█" * max(1, round(min(row.rate, 12) * 3))
            sys.stdout.write(
                f"{row.name:{width}}  {row.microseconds:9.1f}  {row.objects:7.1f}"
                f"  {row.rate:5.2f} {bar}\n"
            )

    def on_all_cores(self, *names: str) -> None:
        """Run some of them again as users do, by the clock on the wall; print the extremes."""
        rows = [self[name] for name in names]
        with _own_garbage():
            samples = _in_turns([(row.make, row.work) for row in rows], time.perf_counter)
        width = max(map(len, names))
        sys.stdout.write(
            f"On all cores, µs a task in the fastest and the slowest of {ROUNDS} runs:\n"
        )
        for name, runs in zip(names, samples, strict=True):
            sys.stdout.write(f"{name:{width}}  {min(runs) * 1e6:5.1f}  {max(runs) * 1e6:5.1f}\n")

    def picture(self) -> None:
        """Display a bar for each pool: to the right if it is faster than the first, else left."""
        from matplotlib.figure import Figure  # half a second: not before it is needed

        rates = [row.rate for row in self.rows]
        figure = Figure(figsize=(8.5, 0.8 + 0.34 * len(rates)), layout="constrained")
        axes = figure.subplots()
        colors = ["#1b7837" if rate > 1 else "#b35806" for rate in rates]
        axes.barh(range(len(rates)), [rate - 1 for rate in rates], left=1, color=colors)
        for place, rate in enumerate(rates):
            faster = rate >= 1
            axes.annotate(
                f"{rate:.2f}" if rate < 10 else f"{rate:.0f}",
                (rate, place),
                xytext=(4 if faster else -4, 0),
                textcoords="offset points",
                ha="left" if faster else "right",
                va="center",
            )
        axes.axvline(1, color="black", linewidth=1)
        axes.set_xscale("log")
        axes.set_xlim(min(0.1, *rates) * 0.8, max(10.0, *rates) * 2)
        axes.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
        axes.minorticks_off()
        axes.set_xlabel(f"times as fast as {self.rows[0].name} (logarithmic)")
        axes.set_yticks(range(len(rates)), [row.name for row in self.rows])
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=100)
        text = "A bar for each row of the table: how many times as fast as the first."
        display({"image/png": png.getvalue(), "text/plain": text}, raw=True)


def _in_words(gain: float) -> str:
    if gain < 0.9:
        return "slower"
    if gain < 1.1:
        return "no faster"
    return "faster" if gain < 1.5 else "much faster"


def _in_turns(pools: Sequence[tuple[Make, Work]], clock: Callable[[], float]) -> list[list[float]]:
    """Run each pool once a round; return the seconds that a task took, a list for each pool."""
    samples: list[list[float]] = [[] for _ in pools]
    for _ in range(ROUNDS):
        for (make, work), runs in zip(pools, samples, strict=True):
            with _warm(make, work) as pool:
                start = clock()
                work(pool, TASKS)
                runs.append((clock() - start) / TASKS)
    return samples


def _objects(make: Make, work: Work) -> float:
    """Count the objects for the garbage collector that a task leaves, in the pool or elsewhere."""
    with _warm(make, work) as pool:
        gc.disable()
        try:
            before = gc.get_count()[0]  # made less freed since the last collection
            kept = work(pool, TASKS)
            made = gc.get_count()[0] - before
            del kept
        finally:
            gc.enable()
    return made / TASKS


@contextmanager
def _warm(make: Make, work: Work) -> Iterator[Any]:
    """Make a pool whose threads are up, with no garbage left from the one before; end it."""
    pool = make(WORKERS)
    try:
        work(pool, 100)
        gc.collect()
        yield pool
    finally:
        pool.shutdown()


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep this thread, and those that it starts, on one core where the system can do that."""
    if sys.platform != "linux":
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@contextmanager
def _own_garbage() -> Iterator[None]:
    """Let the collector pass over what was there before: it is not of these pools."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
