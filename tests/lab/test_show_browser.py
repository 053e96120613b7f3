"""The stepper and the game in JupyterLab, as a person uses them: by key and by click."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from widgets.lab import Lab, chromium, missing, open_notebook, run

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=missing() or "all there"),
]

CELLS = (
    """\
from taskqueue_edu.lab import explore, step_through, together, you_schedule

class Counter:
    def __init__(self):
        self.n = 0

    def add(self):
        self.n += 1

def two_add():
    counter = Counter()
    together(counter.add, counter.add)
    assert counter.n == 2""",
    "step_through(explore(two_add))",
    "game = you_schedule(two_add)\ngame",
)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    """A notebook with a stepper, and a game below it."""
    with Lab(tmp_path) as lab, chromium() as browser:
        page = browser.new_page(viewport={"width": 1000, "height": 1400})
        page.set_default_timeout(20_000)
        open_notebook(page, lab.notebook("show.ipynb", *CELLS))
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        page.get_by_role("button", name="Start again").wait_for()
        yield page


def test_steps_and_moves(page: Any) -> None:
    """The stepper goes on by key, and plays to the end by itself; moves break the program."""

    def says(text: str) -> None:
        page.get_by_role("status").get_by_text(text).wait_for()

    def press(name: str) -> None:
        page.get_by_role("button", name=name, exact=True).press("Enter")

    says("Step 1 of 4: add 1, line 8: sees n = 0")
    press("Next")
    says("Step 2 of 4: add 2, line 8: sees n = 0; writes n = 1")
    # The source is another message from the kernel than the status: it may come a moment later.
    page.locator("mark").filter(has_text="self.n += 1 ◀ add 1, add 2").wait_for()
    press("Previous")
    says("Step 1 of 4")
    press("Play")
    says("Step 4 of 4: main, line 13: raises AssertionError")

    says("Who goes next?")
    press("A: add 1")
    says("Your moves: A. Who goes next?")
    page.keyboard.press("Tab")  # the button that was pressed has kept the focus
    page.keyboard.press("Space")
    says("Your moves: A B. Who goes next?")
    press("A: add 1")
    says("Your moves: A B A. You broke it. ASSERTION: AssertionError in main.")
    press("Take back")
    says("Your moves: A B. Who goes next?")
    assert run(page, "print(game.moves, game.ok)") == "('A', 'B') None\n"
    assert page.locator(".jp-OutputArea-output[data-mime-type*='stderr']").count() == 0
