"""The control panel in JupyterLab, as a person uses it: in a real browser, by key and by click."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .lab import Lab, chromium, missing, open_notebook, run, set_theme

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=missing() or "all there"),
]

CELLS = (
    """\
from taskqueue_edu import ControlPanel, TaskQueue, WorkerPool
from taskqueue_edu.workloads import SleepTask
queue = TaskQueue()
pool = WorkerPool(2)
pool.start_processing(queue)
panel = ControlPanel(queue, pool)
panel""",
    # Until it is cancelled, this task keeps the second cell waiting.
    """\
gate = queue.submit(SleepTask(0), delay=600)
await queue.drained()""",
)

ORDER = """\
Workload
Previous workload
Next workload
Tasks
Fewer tasks
More tasks
Seconds a task
Shorter tasks
Longer tasks
Failures in 100
Fewer failures
More failures
Submit burst
Workers
Fewer workers
More workers
Places (0: any)
Fewer places
More places
Pause
Cancel pending
Crash a worker
Save the log
What the controls do""".splitlines()

# What has the focus, by its name.
FOCUSED = """() => {
  const e = document.activeElement;
  return e.labels?.[0]?.textContent || e.textContent || e.title;
}"""

# Controls and texts that stick out of the output, or are faint or small.
FAULTS = """() => {
  const faults = [];
  const panel = document.querySelector('.taskqueue-controls');
  const edge = panel.closest('.jp-OutputArea-output').getBoundingClientRect();
  const rgb = color => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgb(getComputedStyle(e).backgroundColor);
      if (color.length === 3) return color;
    }
  };
  for (const e of panel.querySelectorAll('button, input, select, label, p, summary, .tq-title')) {
    const name = e.labels?.[0]?.textContent || e.textContent || e.title;
    const box = e.getBoundingClientRect();
    if (!box.width) continue;
    if (box.left < edge.left - 1 || box.right > edge.right + 1) faults.push(`${name} sticks out`);
    if (e.scrollWidth > e.clientWidth + 1) faults.push(`${name} is cut off`);
    const style = getComputedStyle(e);
    if (parseFloat(style.fontSize) < 11) faults.push(`${name} is small`);
    const [dark, bright] = [light(rgb(style.color)), light(ground(e))].sort((x, y) => x - y);
    const contrast = (bright + 0.05) / (dark + 0.05);
    if (contrast < 4.5) faults.push(`${name} is faint: ${contrast.toFixed(1)}`);
  }
  return faults;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One for all pages: playwright runs once in a thread."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A notebook with a panel, and a cell below it that waits: for tests that only look."""
    with opened(browser, tmp_path_factory.mktemp("lab")) as page:
        yield page


@pytest.fixture
def own_page(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """The same, for a test that ends the panel."""
    with opened(browser, tmp_path) as page:
        yield page


@contextmanager
def opened(browser: Any, folder: Path) -> Iterator[Any]:
    with Lab(folder) as lab:
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(20_000)
        open_notebook(page, lab.notebook("controls.ipynb", *CELLS))
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        page.get_by_text("Tasks: 1 pending.").wait_for()
        yield page


def test_the_tabulator_key_reaches_every_control(page: Any) -> None:
    """In the order in which a person reads them."""
    page.get_by_label("Workload", exact=True).focus()
    seen = [page.evaluate(FOCUSED)]
    for _ in ORDER[1:]:
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))
    assert seen == ORDER


@pytest.mark.parametrize("width", [640, 1280, 1600])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_is_readable(page: Any, width: int, dark: bool) -> None:
    """In both themes and at each width, what is there is whole, large and clear."""
    page.set_viewport_size({"width": width, "height": 1000})
    set_theme(page, dark=dark)
    for _ in range(20):  # the theme is there before all of the page has its colors
        if not (faults := page.evaluate(FAULTS)):
            break
        page.wait_for_timeout(100)
    assert faults == []


def test_every_control_works_while_a_cell_waits(own_page: Any, tmp_path: Path) -> None:
    """Each is used by key or by click; what it did is in the status line and in the kernel.

    In the end `stop` puts a text in its place, and its thread has gone.
    """
    page = own_page
    from playwright.sync_api import expect

    expect.set_options(timeout=20_000)
    panel = page.locator(".taskqueue-controls")

    # Unlike waiting for a text, `expect` says what was there instead.
    def says(text: str) -> None:
        expect(panel.get_by_role("status")).to_contain_text(text)

    def counts(text: str) -> None:
        expect(panel.locator(".tq-state")).to_contain_text(text)

    def press(name: str, key: str = "Enter") -> None:
        button = panel.get_by_role("button", name=name, exact=True)
        expect(button).to_be_enabled()
        button.press(key)

    def enter(name: str, value: str) -> None:
        panel.get_by_role("spinbutton", name=name).fill(value)
        page.keyboard.press("Enter")

    def holds(name: str, value: str) -> None:
        expect(panel.get_by_role("spinbutton", name=name)).to_have_value(value)

    panel.get_by_role("button", name="Pause").click()
    says("Paused: no task is started.")

    for places in ("20", "4"):
        enter("Places (0: any)", places)
        says(f"At most {places} tasks may wait from now on.")
    press("More places", "Space")
    says("At most 14 tasks may wait from now on.")
    press("Fewer places")
    says("At most 4 tasks may wait from now on.")

    panel.get_by_label("Workload", exact=True).select_option("Add up numbers (over at once)")
    says("Seconds and failures are for practice tasks only.")
    press("Fewer tasks")
    holds("Tasks", "90")
    press("More tasks", "Space")
    holds("Tasks", "100")
    enter("Tasks", "6")
    press("Submit burst", "Space")
    says("The queue is full after 3 of 6 tasks: add up numbers.")
    press("Resume")
    says("Submitted 6 tasks: add up numbers.")

    press("More workers")
    says("The pool has 3 workers.")
    page.get_by_label("Workers", exact=True).press("ArrowUp")
    says("The pool has 4 workers.")
    press("Fewer workers", "Space")
    says("The pool has 3 workers. One that is too many leaves")

    press("Next workload")
    expect(panel.get_by_label("Workload", exact=True)).to_have_value(
        "Practice (take time, may fail)"
    )
    press("More failures")
    says("from now on, 5 in 100 runs fail.")
    press("Fewer failures")
    says("from now on, 0 in 100 runs fail.")
    enter("Failures in 100", "100")
    says("100 in 100 runs fail.")
    press("Longer tasks")
    says("take 0.3 s.")
    press("Shorter tasks")
    says("take 0.2 s.")
    press("Submit burst")
    says("Submitted 6 tasks: practice.")
    counts("6 succeeded, 6 failed.")

    enter("Seconds a task", "5")  # so long that a slow browser sees it, too
    enter("Failures in 100", "0")
    enter("Tasks", "1")
    press("Submit burst")
    counts("Tasks: 1 pending, 1 running, 6 succeeded, 6 failed.")
    press("Crash a worker")
    says("crashes at the next checkpoint of its task")
    counts("Tasks: 1 pending, 7 succeeded, 6 failed.")

    press("Save the log")
    # Of the gate one; of the sums and the practice tasks three each; two more of the crash.
    says("Saved 42 facts to taskqueue-log-1.jsonl in the working folder.")
    assert (tmp_path / "taskqueue-log-1.jsonl").exists()

    assert page.get_by_text("[*]:").count() == 1
    press("Cancel pending")
    says("Cancelled 1 pending task.")
    page.get_by_text("[2]:").wait_for()
    assert page.locator(".jp-OutputArea-output[data-mime-type*='stderr']").all_inner_texts() == []
    found = run(page, "print(pool.workers, pool.crashes, queue.maxsize, queue.paused)")
    assert found == "3 1 4 False\n"

    run(page, "panel.stop()")
    page.get_by_text("ControlPanel: run this cell to use it").wait_for()
    assert page.locator(".taskqueue-controls").count() == 0
    found = run(page, "import threading; print([t.name for t in threading.enumerate()])")
    assert "taskqueue-control-panel" not in found
