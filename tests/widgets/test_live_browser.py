"""The live monitor in JupyterLab, as a person sees it: in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from .lab import (
    Lab,
    chromium,
    command,
    missing,
    open_notebook,
    run,
    set_theme,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=missing() or "all there"),
]

CELLS = (
    """\
from taskqueue_edu import LiveMonitor, TaskQueue, WorkerPool
from taskqueue_edu.workloads import FlakyTask, SleepTask
queue = TaskQueue(maxsize=100)
pool = WorkerPool(4)
pool.start_processing(queue)
monitor = LiveMonitor(queue)
monitor""",
    """\
tasks = [SleepTask(0.02)] * 40 + [FlakyTask(1)] * 10 + [FlakyTask(9)] * 5
ids = queue.submit_many(tasks)
queue.join()
gate = queue.submit(SleepTask(600))""",
)

# Letters that overlap others in their chart, stick out of the output, or are small or faint.
FAULTS = """() => {
  const faults = [];
  const frame = document.querySelector('.tq');
  const edge = frame.closest('.jp-OutputArea-output').getBoundingClientRect();
  const rgb = color => color.match(/[\\d.]+/g).map(Number);
  const light = color => rgb(color).slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const page = light(getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor);
  const ground = rgb(getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor);
  const contrast = element => {
    let opacity = 1;
    for (let e = element; e && e !== frame; e = e.parentElement)
      opacity *= Number(getComputedStyle(e).opacity);
    const style = getComputedStyle(element);
    const [r, g, b, a = 1] = rgb(element instanceof SVGElement ? style.fill : style.color);
    const mixed = [r, g, b].map((c, i) => c * a * opacity + ground[i] * (1 - a * opacity));
    const [dark, bright] = [light(`rgb(${mixed})`), page].sort((x, y) => x - y);
    return (bright + 0.05) / (dark + 0.05);
  };
  for (const svg of frame.querySelectorAll('svg[role=img]')) {
    const letters = [...svg.querySelectorAll('text')].map(e => [e, e.getBoundingClientRect()]);
    letters.forEach(([a, p], i) => letters.slice(i + 1).forEach(([b, q]) => {
      const across = Math.min(p.right, q.right) - Math.max(p.left, q.left);
      const down = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      if (across > 1 && down > 3)
        faults.push(`"${a.textContent}" overlaps "${b.textContent}"`);
    }));
  }
  for (const e of frame.querySelectorAll('text, tspan, .tq-tile, .tq-head > b, .tq-legend span')) {
    const box = e.getBoundingClientRect();
    if (box.left < edge.left - 1 || box.right > edge.right + 1)
      faults.push(`"${e.textContent}" is clipped`);
    if (parseFloat(getComputedStyle(e).fontSize) < 11) faults.push(`"${e.textContent}" is small`);
    if (contrast(e) < 4.5) faults.push(`"${e.textContent}" is faint: ${contrast(e).toFixed(1)}`);
  }
  return faults;
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that JupyterLab shows."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def show(folder: Path) -> Iterator[Callable[[str], Any]]:
    """Open a notebook in JupyterLab, run 55 tasks in it, leave one running and a monitor live."""
    with Lab(folder) as lab, chromium() as browser:

        def show(name: str) -> Any:
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            open_notebook(page, lab.notebook(name, *CELLS))
            command(page, "notebook:run-all-cells")
            page.get_by_text("55 of 56 tasks done, 5 of them failed; 0 waiting.").wait_for()
            return page

        yield show


@pytest.fixture(scope="module")
def page(show: Callable[[str], Any]) -> Any:
    """A page for tests that only look."""
    return show("look.ipynb")


def test_every_chart_has_a_name(page: Any) -> None:
    """A screen reader finds five pictures by their names, and the status line."""
    for name in ("Throughput", "Queue depth", "Waiting time", "Running time", "Workers"):
        assert page.get_by_role("img", name=name, exact=True).count() == 1
    status = page.locator(".taskqueue-monitor").get_by_role("status")
    assert "1 of 4 workers busy" in status.inner_text()


def test_the_picture_moves(page: Any) -> None:
    """Without any action of the page, frames follow each other."""
    before = page.locator(".tq-workers svg[role=img]").inner_html()
    page.wait_for_function(
        "old => document.querySelector('.tq-workers svg[role=img]').innerHTML !== old",
        arg=before,
    )


@pytest.mark.parametrize("width", [640, 1280, 1600])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_is_readable(page: Any, width: int, dark: bool) -> None:
    """In both themes and at each width, letters are large, clear, whole, and apart."""
    page.set_viewport_size({"width": width, "height": 1000})
    set_theme(page, dark=dark)
    assert page.evaluate(FAULTS) == []


def test_stopping_puts_a_picture_in_its_place(show: Callable[[str], Any], folder: Path) -> None:
    """After `stop` the output is an image, also in the file, which has no widget left."""
    page = show("stop.ipynb")
    find = "import threading; print([t.name for t in threading.enumerate()])"
    assert "taskqueue-live-monitor" in run(page, find)
    run(page, "monitor.stop()")
    image = page.locator(".jp-RenderedImage img")
    image.wait_for()
    assert image.evaluate("image => [image.complete, image.naturalWidth]") == [True, 1520]
    assert page.locator(".taskqueue-monitor").count() == 0
    assert "taskqueue-live-monitor" not in run(page, find)
    command(page, "docmanager:save")
    saved = nbformat.read(folder / "stop.ipynb", as_version=4)
    assert set(saved.cells[0].outputs[0].data) == {"image/png", "text/plain"}
