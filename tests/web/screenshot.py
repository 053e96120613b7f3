"""Make a picture of the dashboard, while tasks run.

    python -m tests.web.screenshot [FILE]

Run it in the root of the repository, with the `dev` extra and Chromium installed. FILE is
`.github/dashboard.png` if not given.
"""

from __future__ import annotations

import io
import logging
import math
import random
import sys
import threading
from pathlib import Path
from typing import Final

from PIL import Image

from taskqueue_edu import TaskQueue, WorkerPool
from taskqueue_edu.workloads import FlakyTask, MathTask, PrimeTask, SleepTask

from ..widgets.lab import chromium, missing

TARGET: Final = Path(__file__).parents[2] / ".github" / "dashboard.png"

WIDTH, HEIGHT = 1200, 900  # of the window; the file has twice as many pixels
_COLORS: Final = 128
_DONE: Final = r"/^5\d\d of/"
"""What the status line says when the picture is taken."""


def work(queue: TaskQueue, over: threading.Event) -> None:
    """Submit tasks at a pace that changes, until it is over."""
    source = random.Random(4)
    for number in range(100_000):
        if over.wait(0.041 + 0.022 * math.sin(number / 55)):
            return
        kind = source.random()
        if kind < 0.82:
            queue.submit(SleepTask(source.betavariate(2, 6) / 1.3))
        elif kind < 0.92:
            queue.submit(PrimeTask(source.randrange(8_000, 25_000)))
        elif kind < 0.97:
            queue.submit(FlakyTask(source.choice([1, 1, 2, 9])))
        else:
            queue.submit(MathTask("quotient", (source.randrange(9), 0)))


def take() -> bytes:
    """Run tasks, and return the picture of the dashboard as a PNG."""
    logging.getLogger("taskqueue_edu").setLevel("ERROR")
    over = threading.Event()
    with TaskQueue(maxsize=40) as queue, WorkerPool(4) as pool, chromium() as browser:
        pool.start_processing(queue)
        worker = threading.Thread(target=work, args=(queue, over))
        worker.start()
        try:
            with queue.serve_dashboard() as dashboard:
                size = {"width": WIDTH, "height": HEIGHT}
                page = browser.new_page(viewport=size, device_scale_factor=2)
                page.goto(dashboard.url)
                page.locator(f"#status >> text={_DONE}").wait_for(timeout=60_000)
                taken: bytes = page.screenshot()
                return taken
        finally:
            over.set()
            worker.join()


def main(target: Path) -> None:
    """Take the picture and write it to `target`, in few colors."""
    if reason := missing():
        raise SystemExit(reason)
    taken = take()
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(taken)) as image:
        few = image.convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE)
        few.save(target, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
