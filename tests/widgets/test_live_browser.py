"""The live monitor in JupyterLab, as a person sees it: in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
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

SIZE = {"width": 1280, "height": 1000}

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

REPLAY = (
    """\
from taskqueue_edu import LiveMonitor, Monitor, TaskQueue, WorkerPool
from taskqueue_edu.workloads import SleepTask
with TaskQueue() as queue, WorkerPool(2) as pool:
    queue.submit_many([SleepTask(0.02)] * 20)
    pool.start_processing(queue)
    queue.join()
    Monitor(queue).save("run.jsonl")""",
    'LiveMonitor.replay("run.jsonl", speed=0.001)',
)

DONE = "55 of 56 tasks done, 5 of them failed; 0 waiting."
WINDOWS = ["10 s", "30 s", "1 min", "5 min", "whole run"]
CHARTS = ["Whole run", "Throughput", "Queue depth", "Waiting time", "Running time", "Workers"]

# Letters that overlap others in their chart, stick out of the output, or are small or faint.
FAULTS = """() => {
  const faults = [];
  const frame = document.querySelector('.taskqueue-monitor');
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
    const letters = [...svg.querySelectorAll('text')].map(e => [e, e.getBoundingClientRect()])
      .filter(([, box]) => box.width);
    letters.forEach(([a, p], i) => letters.slice(i + 1).forEach(([b, q]) => {
      const across = Math.min(p.right, q.right) - Math.max(p.left, q.left);
      const down = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      if (across > 1 && down > 3)
        faults.push(`"${a.textContent}" overlaps "${b.textContent}"`);
    }));
  }
  const all = 'text, tspan, .tq-tile, .tq-head > b, .tq-legend span, button';
  for (const e of frame.querySelectorAll(all)) {
    const box = e.getBoundingClientRect();
    if (!box.width) continue;
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
def lab(folder: Path) -> Iterator[Lab]:
    """A JupyterLab."""
    with Lab(folder) as lab:
        yield lab


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def show(lab: Lab, browser: Any) -> Callable[[str], Any]:
    """Open a notebook in JupyterLab, run 55 tasks in it, leave one running and a monitor live."""

    def show(name: str) -> Any:
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(20_000)
        open_notebook(page, lab.notebook(name, *CELLS))
        command(page, "notebook:run-all-cells")
        page.get_by_text(DONE).wait_for()
        return page

    return show


@pytest.fixture(scope="module")
def shown(show: Callable[[str], Any]) -> Any:
    """A page for tests that only look."""
    return show("look.ipynb")


@pytest.fixture
def page(shown: Any) -> Any:
    """That page, as wide as at first, whatever an earlier test made of it."""
    shown.set_viewport_size(SIZE)
    shown.mouse.move(0, 0)
    return shown


def test_every_chart_has_a_name(page: Any) -> None:
    """A screen reader finds six pictures by their names, the buttons, and the status line."""
    monitor = page.locator(".taskqueue-monitor")
    for name in CHARTS:
        assert monitor.get_by_role("img", name=name, exact=True).count() == 1
    assert [button.inner_text() for button in monitor.get_by_role("button").all()] == WINDOWS
    assert "1 of 4 workers busy" in monitor.get_by_role("status").inner_text()
    tree = monitor.aria_snapshot()
    places = [tree.index(f'button "{window}"') for window in WINDOWS]
    places += [tree.index(f'img "{name}"') for name in CHARTS]
    assert sorted(places) == places  # in the order in which a person reads it
    assert "nan" not in tree


def moved(page: Any) -> None:
    """Wait for another frame."""
    before = page.locator(".tq-workers svg[role=img]").inner_html()
    page.wait_for_function(
        "old => document.querySelector('.tq-workers svg[role=img]').innerHTML !== old",
        arg=before,
    )


def test_the_picture_moves(page: Any) -> None:
    """Without any action of the page, frames follow each other."""
    for _ in range(3):
        moved(page)


def test_the_window_is_chosen_without_a_mouse(page: Any) -> None:
    """The tabulator key reaches each button, and a key presses it; the charts follow."""
    buttons = page.locator(".taskqueue-monitor").get_by_role("button")
    buttons.first.focus()
    for name in WINDOWS[1:]:
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.textContent") == name
    page.keyboard.press("Enter")
    throughput = page.locator(".tq-chart svg[role=img] > desc").first
    throughput.filter(has_text="since the first task").wait_for(state="attached")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    throughput.filter(has_text="in the last").wait_for(state="attached")


# In one go: a frame later, the element that was found is another one. The widest run is the one
# that is still going on, wherever it stands among the others.
_MIDDLE = """selector => {
  const boxes = [...document.querySelectorAll(selector)].map(e => e.getBoundingClientRect());
  const {x, y, width, height} = boxes.reduce((a, b) => b.width > a.width ? b : a);
  return [x + width * 0.6, y + height / 2];
}"""


def test_what_is_under_the_pointer_is_told(page: Any) -> None:
    """The values of a point, and the task of a run, are there, and stay from frame to frame."""
    from playwright.sync_api import TimeoutError as TimedOut

    told = """() => {
      const over = document.querySelector('.tq-tell i:hover');
      return over && getComputedStyle(over, '::after').content.includes('ago');
    }"""
    depth = ".tq-chart:nth-of-type(2) svg[role=img]"
    page.mouse.move(*page.evaluate(_MIDDLE, depth))
    for _ in range(3):
        moved(page)
        page.wait_for_function(told)
    told_of_a_run = """() => [...document.querySelectorAll('.tq-bars :hover + text')]
      .some(e => e.textContent.includes('running'))"""
    for _ in range(20):  # what stands above may still grow, and push it away
        page.mouse.move(*page.evaluate(_MIDDLE, ".tq-bars rect"))
        # A frame has new elements: until the browser has seen which is under the pointer, none is.
        with suppress(TimedOut):
            page.wait_for_function(told_of_a_run, timeout=1_000)
            break
    else:
        pytest.fail("no run was told of, in twenty tries")


@pytest.mark.parametrize("width", [640, 1280, 1600])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_is_readable(page: Any, width: int, dark: bool) -> None:
    """In both themes and at each width, letters are large, clear, whole, and apart."""
    page.set_viewport_size({"width": width, "height": 1000})
    set_theme(page, dark=dark)
    for _ in range(20):  # the theme is there before all of the page has its colors
        if not (faults := page.evaluate(FAULTS)):
            break
        page.wait_for_timeout(100)
    assert faults == []


def picture_of(page: Any) -> None:
    """Wait until the output is a picture that is whole."""
    image = page.locator(".jp-RenderedImage img")
    image.wait_for()
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1520


def test_stopping_puts_a_picture_in_its_place(
    show: Callable[[str], Any], folder: Path, lab: Lab, browser: Any
) -> None:
    """After `stop` the output is an image, also in the file, and where no kernel is."""
    page = show("stop.ipynb")
    find = "import threading; print([t.name for t in threading.enumerate()])"
    assert "taskqueue-live-monitor" in run(page, find)
    run(page, "monitor.stop()")
    picture_of(page)
    assert page.locator(".taskqueue-monitor").count() == 0
    assert "taskqueue-live-monitor" not in run(page, find)
    command(page, "docmanager:save")
    saved = nbformat.read(folder / "stop.ipynb", as_version=4)
    assert set(saved.cells[0].outputs[0].data) == {"image/png", "text/plain"}
    page.close()
    later = browser.new_page()
    later.route("**/api/sessions**", lambda route: route.abort())
    later.route("**/api/kernels**", lambda route: route.abort())
    later.goto(lab.address("stop.ipynb"))
    picture_of(later)
    later.close()


def test_a_replay_is_controlled_without_a_mouse(lab: Lab, browser: Any, folder: Path) -> None:
    """Pause, a step on and back, another speed, each by key; words beside it say where it is."""
    page = browser.new_page(viewport=SIZE)
    page.set_default_timeout(20_000)
    open_notebook(page, lab.notebook("replay.ipynb", *REPLAY))
    command(page, "notebook:run-all-cells")
    player = page.locator(".taskqueue-player")
    player.get_by_role("button", name="Pause").press("Enter")
    player.get_by_role("button", name="Play").wait_for()
    said = player.locator(".widget-html")
    before = said.inner_text()
    player.get_by_role("button").nth(2).press("Space")
    page.wait_for_function("([e, old]) => e.innerText !== old", arg=[said.element_handle(), before])
    player.get_by_role("button").nth(1).press("Enter")
    page.wait_for_function("([e, old]) => e.innerText === old", arg=[said.element_handle(), before])
    player.get_by_role("combobox").select_option("600x")
    player.get_by_role("button", name="Play").press("Enter")
    page.locator(".tq-status").get_by_text("20 of 20 tasks done; 0 waiting.").wait_for()
    page.close()


def test_it_is_live_in_notebook_7(browser: Any, tmp_path: Path) -> None:
    """Notebook 7 shows the same: frames follow each other, and a key chooses the window."""
    with Lab(tmp_path, notebook7=True) as server:
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(20_000)
        open_notebook(page, server.notebook("seven.ipynb", *CELLS))
        command(page, "notebook:run-all-cells")
        page.get_by_text(DONE).wait_for()
        moved(page)
        page.get_by_role("button", name="whole run").press("Enter")
        throughput = page.locator(".tq-chart svg[role=img] > desc").first
        throughput.filter(has_text="since the first task").wait_for(state="attached")
        assert page.evaluate(FAULTS) == []
        run(page, "monitor.stop()")
        picture_of(page)
        page.close()
