"""The stepper, the game, a puzzle and the quiz in JupyterLab, as a person uses them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


QUESTIONS = (
    """\
import os
os.environ["TASKQUEUE_EDU_PROGRESS"] = "progress.json"
from taskqueue_edu.lab import parsons, quiz""",
    'parsons("p1.parsons_jobs")',
    'quiz("before")',
)


@contextmanager
def opened(folder: Path, *cells: str, ready: str) -> Iterator[Any]:
    """Open a notebook, run all of it, and wait for the button of that name."""
    with Lab(folder) as lab, chromium() as browser:
        page = browser.new_page(viewport={"width": 1000, "height": 1400})
        page.set_default_timeout(20_000)
        open_notebook(page, lab.notebook("show.ipynb", *cells))
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        page.get_by_role("button", name=ready).wait_for()
        yield page


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    """A notebook with a stepper, and a game below it."""
    with opened(tmp_path, *CELLS, ready="Start again") as page:
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


def test_the_focus_goes_on(tmp_path: Path) -> None:
    """A puzzle is solved and a page turned by keys: the focus is where one goes on."""
    with opened(tmp_path, *QUESTIONS, ready="Next page") as page:

        def focus_is_on(title: str) -> None:
            page.wait_for_function("title => document.activeElement.title === title", arg=title)

        def is_program(letters: str) -> None:
            page.wait_for_function(
                """letters => [...document.querySelectorAll('button[title^="Put line"]')]
                  .filter(button => button.offsetParent)
                  .map(button => button.title.at(9)).join('') === letters""",
                arg=letters,
            )

        def keys(*pressed: str) -> None:
            for key in pressed:
                page.keyboard.press(key)

        page.get_by_title("Take line I").focus()
        keys("Enter")
        focus_is_on("Take line A")
        for tabs, line, next_one in ((7, "H", "A"), (6, "G", "A"), (0, "A", "B"), (2, "D", "E")):
            keys(*["Tab"] * tabs)
            focus_is_on(f"Take line {line}")
            keys("Enter")
            focus_is_on(f"Take line {next_one}")
        page.get_by_title("Move line D up").focus()
        keys("Enter")
        is_program("IHGDA")
        focus_is_on("Move line D up")
        keys("Tab")
        focus_is_on("Move line D down")
        keys("Enter")
        is_program("IHGAD")
        focus_is_on("Move line D down")
        keys("Tab", "Enter")
        focus_is_on("Take line D")
        keys("Enter")
        focus_is_on("Take line E")
        page.get_by_title("Check the program").press("Enter")
        page.get_by_text("p1.parsons_jobs: right").wait_for()

        page.get_by_title("The next page").press("Enter")
        focus_is_on("Question 7: choose (a)")
