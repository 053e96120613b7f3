"""Make the picture of README: the live monitor in JupyterLab, while tasks run.

    python -m tests.widgets.screenshot [FILE]

Run it in the root of the repository, with the `dev` extra and Chromium installed. FILE is
`.github/live_monitor.png` if not given.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image

from .lab import Lab, chromium, command, missing, open_notebook, run

TARGET: Final = Path(__file__).parents[2] / ".github" / "live_monitor.png"

WIDTH, HEIGHT = 1000, 1_010  # of the window; the file has twice as many pixels
_COLORS: Final = 128

# How the work arrives is of no interest to the reader of the picture.
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

_CELL: Final = """\
from taskqueue_edu import LiveMonitor, TaskQueue, WorkerPool

queue = TaskQueue(maxsize=40)
with WorkerPool(4) as pool, LiveMonitor(queue) as monitor:
    pool.start_processing(queue)
    for order in orders(pool):
        queue.submit(order)
"""

_DONE: Final = r"/^5\d\d of/"
"""What the status line says when the picture is taken."""


def take(folder: Path) -> bytes:
    """Run the notebook in `folder` and return the picture of it as a PNG."""
    with Lab(folder) as lab, chromium() as browser:
        size = {"width": WIDTH, "height": HEIGHT}
        page = browser.new_page(viewport=size, device_scale_factor=2)
        open_notebook(page, lab.notebook("orders.ipynb", _CELL.strip()))
        run(page, _PACE)
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        page.locator(f".tq-status >> text={_DONE}").wait_for(timeout=60_000)
        taken: bytes = page.screenshot()
        command(page, "kernelmenu:interrupt")
        return taken


def main(target: Path) -> None:
    """Take the picture and write it to `target`, in few colors."""
    if reason := missing():
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory() as folder:
        taken = take(Path(folder))
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(taken)) as image:
        few = image.convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE)
        few.save(target, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
