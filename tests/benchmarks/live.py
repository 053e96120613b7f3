"""What the live monitor of a notebook costs: a frame, and what it does to the tasks it shows.

A frame is what happens five times a second: fold the new facts, draw, hand the HTML to the widget.
Its cost is the CPU time of the thread that does it. Beside it, the plain way: a matplotlib figure
of the same points, saved as a PNG. No browser is attached, and no kernel: what it costs to send the
message is not in here.

Latency: SleepTasks of 5 ms, 400 a second, on 8 workers; the time from when a task is submitted
until it has ended. Ten monitors show one queue with one window; "together" they have the CPU time
of the process, over the time of a run, with tasks and all.
"""

from __future__ import annotations

import io
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from taskqueue_edu import LiveMonitor, Monitor, TaskQueue, WorkerPool
from taskqueue_edu.picture.lanes import View
from taskqueue_edu.widgets.painter import Painter
from taskqueue_edu.workloads import SleepTask
from tests.benchmarks.harness import Sample, Session
from tests.benchmarks.report import MILLISECONDS, Report, Target
from tests.benchmarks.work import Noop

FRAMES = 40
FACTS = 5_000  # a second
MANY = 333_334  # tasks: a million facts
INTERVAL = 0.2
RATE, PAUSE = 400, 0.005
SECONDS = 6.0
WINDOW = 30.0


@contextmanager
def _fed(queue: TaskQueue, rate: float, pause: float) -> Iterator[None]:
    """Submit so many tasks a second that sleep for `pause`, in the background."""
    leave = threading.Event()

    def feed() -> None:
        began, given = time.perf_counter(), 0
        while not leave.wait(0.005):
            due = int((time.perf_counter() - began) * rate)
            queue.submit_many([SleepTask(pause)] * (due - given))
            given = due

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        leave.set()
        thread.join()


def _fill(queue: TaskQueue, tasks: int) -> None:
    for first in range(0, tasks, 20_000):
        queue.submit_many([Noop()] * min(20_000, tasks - first))
        queue.join()


def _svg(monitor: Monitor) -> Callable[[], None]:
    from ipywidgets import HTML

    painter, picture, overview = Painter(), HTML(), HTML()

    def frame() -> None:
        painter.next_tick()
        drawn = painter.frame(monitor, WINDOW)
        picture.value, overview.value = drawn.picture, drawn.overview

    return frame


def _png(monitor: Monitor) -> Callable[[], None]:
    """Return what draws the lines of the same charts with matplotlib, and the lanes."""
    from ipywidgets import Image
    from matplotlib.figure import Figure

    image, view = Image(), View()

    def frame() -> None:
        seen = monitor.snapshot(WINDOW)
        lanes = view.update(seen)
        figure = Figure((8, 4))
        for place, names in enumerate((("finished", "submitted"), ("depth",))):
            axes = figure.add_subplot(2, 3, place + 1)
            for name in names:
                axes.plot([p.at for p in seen.points], [getattr(p, name) for p in seen.points])
        for place, what in enumerate(("waiting", "running")):
            axes = figure.add_subplot(2, 3, place + 3)
            axes.plot([p.at for p in seen.points], [getattr(p, what) for p in seen.points])
        axes = figure.add_subplot(2, 3, 5)
        start = seen.at - int(lanes.seconds * 1e9)
        for place, name in enumerate(lanes.names):
            bars = [
                ((run.start - seen.at) / 1e9, (run.end - run.start) / 1e9)
                for run in seen.runs
                if run.worker == name and run.end > start
            ]
            axes.broken_barh(bars, (place, 0.8))
        file = io.BytesIO()
        figure.savefig(file, format="png")
        image.value = file.getvalue()

    return frame


def frame(before: int, plain: bool, frames: int) -> Sample:
    """Return the CPU time of a frame at 5,000 facts a second, after so many tasks."""
    with TaskQueue() as queue, WorkerPool(8) as pool:
        pool.start_processing(queue)
        _fill(queue, before)
        draw = (_png if plain else _svg)(Monitor(queue))
        draw()
        times = []
        with _fed(queue, FACTS / 3, 0.002):
            for _ in range(frames):
                time.sleep(INTERVAL)
                began = time.thread_time()
                draw()
                times.append(time.thread_time() - began)
    return {"seconds": statistics.median(times), "mean": statistics.fmean(times)}


@contextmanager
def _shown(queue: TaskQueue, how: str) -> Iterator[None]:
    """Have live monitors of the queue, or the plain way at the same rate, or nothing."""
    with ExitStack() as stack:
        if how == "plain":
            draw, leave = _png(Monitor(queue)), threading.Event()

            def show() -> None:
                while not leave.wait(INTERVAL):
                    draw()

            thread: Any = threading.Thread(target=show)
            thread.start()
            stack.callback(thread.join)
            stack.callback(leave.set)
        for _ in range({"one": 1, "ten": 10}.get(how, 0)):
            stack.enter_context(LiveMonitor(queue, WINDOW))
        yield


def latency(how: str, seconds: float) -> Sample:
    """Return percentiles of the time that a task of 5 ms takes, and the CPU time of a second."""
    with TaskQueue() as queue, WorkerPool(8) as pool:
        pool.start_processing(queue)
        with _shown(queue, how), _fed(queue, RATE, PAUSE):
            time.sleep(seconds / 4)  # until all is imported, and warm
            first = len(queue.registry.records())
            began, wall = time.process_time(), time.perf_counter()
            time.sleep(seconds)
            used = (time.process_time() - began) / (time.perf_counter() - wall)
        queue.join()
        took = sorted(r.finished - r.submitted for r in queue.registry.records()[first:])
    return {
        "p50": took[len(took) // 2] / 1e9,
        "p99": took[len(took) * 99 // 100] / 1e9,
        "cpu": used,
    }


def run(session: Session) -> Report:
    """Measure, and return the table."""
    frames, many = session.size(FRAMES, 2), session.size(MANY, 100)
    seconds = max(SECONDS / session.shrink, 0.2)
    plain = session.has("matplotlib", "matplotlib")
    results = session.measure(
        "live",
        {
            "few": session.fresh(frame, 0, False, frames),
            "many": session.fresh(frame, many, False, frames),
            "savefig": session.fresh(frame, 0, True, frames) if plain else None,
            "off": session.fresh(latency, "off", seconds),
            "on": session.fresh(latency, "one", seconds),
            "ten": session.fresh(latency, "ten", seconds),
            "savefig on": session.fresh(latency, "plain", seconds) if plain else None,
        },
    )
    report = Report("live", f"a frame at {FACTS:,} facts a second, {WINDOW:.0f} seconds shown")
    limit = Target("at most", 0.003, unit=MILLISECONDS)
    report.bound("CPU time of a frame", results, "few", MILLISECONDS, limit, "seconds")
    report.bound(f"after {3 * many:,} facts", results, "many", MILLISECONDS, limit, "seconds")
    report.compare("the same, and savefig", results, "few", "savefig", MILLISECONDS)
    work = f"p99 of 5 ms tasks, {RATE} a second"
    worse = Target("at most", 1.1)
    report.compare(f"{work}, shown", results, "on", "off", MILLISECONDS, worse, key="p99")
    report.compare(f"{work}, by savefig", results, "savefig on", "off", MILLISECONDS, key="p99")
    report.compare(f"{work}, shown ten times", results, "ten", "off", MILLISECONDS, key="p99")
    report.compare("CPU time of a second, ten shown", results, "ten", "on", MILLISECONDS, key="cpu")
    return report
