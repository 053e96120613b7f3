"""Make the pictures of README: what there is to see of the library and of the lab.

    python -m tests.pictures [NAME ...]

Run it in the root of the repository, with the `dev` extra and Chromium installed. Without names
it makes all; each takes about half a minute. They go to `.github/`.
"""

from __future__ import annotations

import io
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from PIL import Image
from rich.console import Console

from taskqueue_edu import TaskQueue, WorkerPool
from taskqueue_edu.cli.screen import screen
from taskqueue_edu.cli.watched import Watched
from tests.widgets.lab import Lab, chromium, command, missing, open_notebook, run, set_theme

TARGET: Final = Path(__file__).parents[1] / ".github"
_COLORS: Final = 128

# How the work arrives is of no interest to the reader of a picture.
_PACE: Final = """\
import logging, math, random, time
from taskqueue_edu.workloads import FlakyTask, PrimeTask, SleepTask

logging.getLogger("taskqueue_edu").setLevel("ERROR")

def orders(pool):
    source = random.Random(4)
    for number in range(2_000):
        time.sleep(0.041 + 0.022 * math.sin(number / 55))
        kind = source.random()
        if kind < 0.82:
            yield SleepTask(source.betavariate(2, 6) / 1.3)
        elif kind < 0.94:
            yield PrimeTask(source.randrange(8_000, 25_000))
        else:
            yield FlakyTask(source.choice([1, 1, 2, 9]))
        if number == 440:
            pool.crash_worker()
"""

_ORDERS: Final = """\
from taskqueue_edu import LiveMonitor, TaskQueue, WorkerPool

queue = TaskQueue(maxsize=40)
with WorkerPool(4) as pool, LiveMonitor(queue) as monitor:
    pool.start_processing(queue)
    for order in orders(pool):
        queue.submit(order)
"""

_CONTROLS: Final = """\
from taskqueue_edu import ControlPanel, TaskQueue, WorkerPool

queue, pool = TaskQueue(maxsize=40), WorkerPool(4)
pool.start_processing(queue)
ControlPanel(queue, pool)
"""

_BUFFER: Final = """\
import threading
from taskqueue_edu.lab import explore, step_through, together

class Buffer:
    def __init__(self):
        self.items = []
        self.filled = threading.Condition()

    def put(self, item):
        with self.filled:
            self.items.append(item)
            self.filled.notify()

    def get(self):
        with self.filled:
            if not self.items:
                self.filled.wait()
            return self.items.pop()

def two_getters():
    buffer = Buffer()

    def put_two():
        buffer.put("a")
        buffer.put("b")

    together(put_two, buffer.get, buffer.get)
"""

_STEPPER: Final = "step_through(explore(two_getters))"

_TIMELINE: Final = """\
import threading
from functools import partial
from taskqueue_edu.lab import explore, together

class Account:
    def __init__(self, balance):
        self.balance = balance
        self.lock = threading.Lock()

    def pay(self, other, amount):
        with self.lock, other.lock:
            self.balance -= amount
            other.balance += amount

def two_payments():
    a, b = Account(10), Account(10)
    together(partial(a.pay, b, 1), partial(b.pay, a, 2))

explore(two_payments)
"""

_CRASH: Final = """\
import os
from taskqueue_edu.lab import crash_test
from taskqueue_edu.lab.crash import value_kept

def save(folder, acknowledge):
    for total in ("10", "25"):
        with open(folder / "total.new", "w") as file:
            file.write(total)
        os.replace(folder / "total.new", folder / "total.txt")
        acknowledge(total)

def load(folder):
    path = folder / "total.txt"
    return path.read_text() if path.exists() else None

crash_test(save, load, value_kept)
"""


def _few_colors(png: bytes, path: Path) -> None:
    with Image.open(io.BytesIO(png)) as image:
        few = image.convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE)
        few.save(path, optimize=True)


def _lab(
    cell: str,
    width: int,
    height: int,
    *,
    wait: Callable[[Any], None],
    before: str = "",
    name: str = "lab",
    dark: bool = False,
) -> bytes:
    """Return a picture of a notebook of one cell that runs, once `wait` is content.

    The code of `before` has run, out of sight.
    """
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder)) as lab, chromium() as browser:
        size = {"width": width, "height": height}
        page = browser.new_page(viewport=size, device_scale_factor=2)
        open_notebook(page, lab.notebook(f"{name}.ipynb", cell.strip()))
        if dark:
            set_theme(page, dark=True)
        run(page, before)
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        wait(page)
        taken: bytes = page.screenshot()
        command(page, "kernelmenu:interrupt")
        return taken


def _orders_done(page: Any) -> None:
    page.locator(r".tq-status >> text=/^5\d\d of/").wait_for(timeout=60_000)


def _burst(page: Any) -> None:
    page.get_by_role("button", name="Submit burst").click()
    page.locator("text=/[1-9][0-9] succeeded/").first.wait_for(timeout=30_000)


def _tenth_step(page: Any) -> None:
    on = page.get_by_role("button", name="Next")
    for _ in range(9):
        on.click()
    page.get_by_text("Step 10 of 15").wait_for()


def _shown(name: str) -> Callable[[Any], None]:
    return lambda page: page.get_by_role("region", name=name).wait_for()


def live_monitor() -> bytes:
    """The live monitor in JupyterLab, light."""
    return _lab(_ORDERS, 1000, 1010, before=_PACE, name="orders", wait=_orders_done)


def live_monitor_dark() -> bytes:
    """The same, dark, on a narrow screen."""
    return _lab(_ORDERS, 640, 1140, before=_PACE, name="orders", dark=True, wait=_orders_done)


def control_panel() -> bytes:
    """The controls, in the middle of a burst."""
    return _lab(_CONTROLS, 1000, 560, before=_PACE, name="orders", wait=_burst)


def timeline() -> bytes:
    """What `explore` shows: two threads that wait for each other."""
    return _lab(_TIMELINE, 1000, 810, wait=_shown("schedules"))


def stepper() -> bytes:
    """`step_through` at the step where one thread takes what another was woken for."""
    return _lab(_STEPPER, 1000, 1030, before=_BUFFER, wait=_tenth_step)


def crash() -> bytes:
    """What `crash_test` shows: a file that was renamed before it was synced."""
    return _lab(_CRASH, 1000, 1150, wait=_shown("crash test"))


@contextmanager
def _at_work(queue: TaskQueue) -> Any:
    """Submit tasks to a queue and run them, until the block ends."""
    space: dict[str, Any] = {}
    exec(_PACE, space)  # the same orders as in the notebook
    over = threading.Event()

    def submit(pool: WorkerPool) -> None:
        for order in space["orders"](pool):
            if over.is_set():
                return
            queue.submit(order)

    with closing(queue), WorkerPool(4) as pool:
        pool.start_processing(queue)
        thread = threading.Thread(target=submit, args=(pool,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            queue.cancel_pending()


def dashboard() -> bytes:
    """The dashboard of a queue that is at work."""
    queue = TaskQueue(maxsize=40)
    with _at_work(queue), queue.serve_dashboard() as served, chromium() as browser:
        page = browser.new_page(viewport={"width": 1000, "height": 1000}, device_scale_factor=2)
        page.goto(served.url)
        page.locator("text=/^[23]\\d\\d of/").first.wait_for(timeout=60_000)
        taken: bytes = page.screenshot()
        return taken


def watch() -> bytes:
    """`taskqueue watch`, in a terminal of 90 columns."""
    with tempfile.TemporaryDirectory() as folder:
        jobs = Path(folder) / "jobs"
        with _at_work(TaskQueue.open(jobs, maxsize=40)), closing(Watched(jobs, 30.0)) as watched:
            while (view := watched.view()).snapshot.totals["succeeded"] < 400:
                threading.Event().wait(0.2)
    console = Console(record=True, width=90, file=io.StringIO(), force_terminal=True)
    for line in screen(replace(view, folder="jobs"), 90, 30):
        console.print(line, soft_wrap=True)
    svg = console.export_svg(title="taskqueue watch jobs")
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1000, "height": 700}, device_scale_factor=2)
        page.set_content(f"<body style='margin:0'>{svg}</body>")
        taken: bytes = page.locator("svg").first.screenshot()
        return taken


PICTURES: Final = {
    made.__name__: made
    for made in (
        *(live_monitor, live_monitor_dark, control_panel, dashboard, watch),
        *(timeline, stepper, crash),
    )
}


def main(names: list[str]) -> None:
    """Make the pictures of those names."""
    if reason := missing():
        raise SystemExit(reason)
    if unknown := set(names) - set(PICTURES):
        raise SystemExit(f"no picture is called {', '.join(unknown)}: {', '.join(PICTURES)}")
    TARGET.mkdir(exist_ok=True)
    for name in names or PICTURES:
        _few_colors(PICTURES[name](), TARGET / f"{name}.png")
        sys.stdout.write(f"{TARGET.name}/{name}.png\n")


if __name__ == "__main__":
    main(sys.argv[1:])
