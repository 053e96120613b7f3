"""What an instructor hands out and grades with, graded by the real nbgrader and the real otter.

The notebook is a small one with two exercises: one of the package, and one of the instructor's
own that students don't have.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from typer.testing import CliRunner

from taskqueue_edu.course.__main__ import app
from taskqueue_edu.course.scaffold import scaffold
from taskqueue_edu.course.sources import SOURCES, find_sources
from taskqueue_edu.lab.attempts import PLACE
from taskqueue_edu.lab.exercises import FOLDER, PRIVATE, Exercise, find

# Each starts kernels: one `otter run` takes 8 s of processor time, on a busy machine a minute.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

NAME = "01_core_task_system"
SOURCE = """\
# %% [markdown]
# # Two exercises

# %%
from dataclasses import dataclass

from taskqueue_edu.lab import check


@dataclass
class IndexBatch:
    paths: list[str]

    def execute(self) -> int:
        return len(self.paths)

# %% exercise="p1.collector"

# %% exercise="p2.basket"
"""

# It writes to standard error: nbgrader gives no point to a cell in which that is seen.
NOISY = """\
import sys
print("made", file=sys.stderr)

class Basket(list):
    def __init__(self):
        self._items = []

    def add(self, item):
        print("added", file=sys.stderr)
        self._items.append(item)

    def items(self):
        return self._items[:]
"""


def run(*command: object, cwd: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module as a command, as an instructor would: settings of ours are left out."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("TASKQUEUE_")}
    # nbgrader looks for its own tools on the PATH, and for settings in the folder of Jupyter.
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    env |= {"JUPYTER_CONFIG_DIR": str(cwd / "no_config"), PLACE: str(cwd / "progress.json")}
    return subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=cwd,
        env=env | extra,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )


def export(form: str, course: Path) -> Path:
    """Export the course in one form, and return the folder."""
    command = ("taskqueue_edu.course", "export", form, form)
    done = run(*command, "--sources", ".", "--private", "own", cwd=course)
    assert done.returncode == 0, done.stderr
    return course / form


def read(path: Path) -> NotebookNode:
    notebook: NotebookNode = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    return notebook


def handed_in(handed_out: Path, to: Path, answers: dict[str, str]) -> None:
    """Write the notebook that a student hands in: starters, by class, replaced by answers."""
    notebook = read(handed_out)
    left = dict(answers)
    for cell in notebook.cells:
        if made := re.search(r"^class (Collector|Basket):", cell.source, re.MULTILINE):
            cell.source = left.pop(made[1], cell.source)
    assert not left
    to.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, to)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a source of a notebook, and an instructor's own exercise in `own`."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "phase1.py").write_text(SOURCE, encoding="utf-8")
    scaffold("p2_basket", folder / "own")
    return folder


@pytest.fixture(scope="module")
def answers(course: Path) -> dict[str, dict[str, str]]:
    """Who hands in what."""
    collector, basket = find("p1.collector"), Exercise(course / "own" / "p2_basket")
    return {
        "right": {"Collector": collector.source("alt_swap"), "Basket": NOISY},
        "wrong": {
            "Collector": collector.source("wrong_caller_keeps_alias"),
            "Basket": basket.source("wrong_returns_internals"),
        },
        "case": {
            "Collector": collector.source("case_empty_batch"),
            "Basket": "class Basket\n    a slip of the pen",
        },
        "blank": {},
    }


POINTS = {"right": [1, 1], "wrong": [0, 0], "case": [0, 0], "blank": [0, 0]}


# -- nbgrader

needs_nbgrader = pytest.mark.skipif(
    find_spec("nbgrader") is None, reason="nbgrader is not installed (pip install '.[dev]')"
)


@pytest.fixture(scope="module")
def nbgrader(course: Path) -> Path:
    """The folder of a course of nbgrader, with the assignment handed out."""
    folder = export("nbgrader", course)
    done = run("nbgrader", "generate_assignment", NAME, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@needs_nbgrader
def test_students_get_the_starters_of_nbgrader(nbgrader: Path) -> None:
    """What nbgrader hands out has the starters, no solution, and no check that is hidden."""
    cells = read(nbgrader / "release" / NAME / f"{NAME}.ipynb").cells
    collector, basket = find("p1.collector"), Exercise(nbgrader / "private" / "p2_basket")
    assert [cell.source.strip() for cell in cells[2:]] == [
        collector.source("starter").strip(),
        'from taskqueue_edu.lab import check\ncheck("p1.collector", Collector)',
        basket.source("starter").strip(),
        "# p2.basket is checked when it is graded.",
    ]


@needs_nbgrader
def test_nbgrader_gives_the_points(nbgrader: Path, answers: dict[str, dict[str, str]]) -> None:
    """`nbgrader autograde` gives right answers full marks, wrong ones none, blanks none."""
    for student, given in answers.items():
        to = nbgrader / "submitted" / student / NAME / f"{NAME}.ipynb"
        handed_in(nbgrader / "release" / NAME / f"{NAME}.ipynb", to, given)
    done = run("nbgrader", "autograde", NAME, "--create", cwd=nbgrader)
    assert done.returncode == 0, done.stderr
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{nbgrader / 'gradebook.db'}") as book:
        points = {
            one.student.id: [grade.score for grade in one.notebooks[0].grades]
            for one in book.assignment_submissions(NAME)
        }
        (needed,) = {one.max_score for one in book.assignment_submissions(NAME)}
    assert points == POINTS
    assert needed == 2
    assert not (nbgrader / "progress.json").exists(), "no student's try is the grader's own"


# -- otter

needs_otter = pytest.mark.skipif(
    find_spec("otter") is None, reason="otter-grader is not installed (pip install '.[dev]')"
)


@pytest.fixture(scope="module")
def otter(course: Path) -> Path:
    """The folder with a master notebook, assigned to `dist`: otter grades the solutions then."""
    folder = export("otter", course)
    done = run("otter", "assign", f"{NAME}.ipynb", "dist", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@needs_otter
def test_students_get_the_starters_of_otter(otter: Path) -> None:
    """What otter hands out has the starters, no solution, and no check that is hidden."""
    assert [path.name for path in (otter / "dist" / "student").iterdir()] == [f"{NAME}.ipynb"]
    notebook = read(otter / "dist" / "student" / f"{NAME}.ipynb")
    collector, basket = find("p1.collector"), Exercise(otter / "private" / "p2_basket")
    assert [cell.source.strip() for cell in notebook.cells[2:]] == [
        collector.source("starter").strip(),
        'check("p1.collector", Collector)',
        basket.source("starter").strip(),
    ]
    assert "find('p2.basket')" not in json.dumps(notebook.metadata)


@needs_otter
@pytest.mark.parametrize("student", ["right", "wrong", "blank"])
def test_otter_gives_the_points(
    otter: Path, answers: dict[str, dict[str, str]], student: str
) -> None:
    """`otter run` gives a right answer full marks, a wrong one none, a blank none."""
    handed_out = otter / "dist" / "student" / f"{NAME}.ipynb"
    handed_in(handed_out, otter / f"{student}.ipynb", answers[student])
    (archive,) = (otter / "dist" / "autograder").glob("*.zip")
    done = run("otter", "run", "-a", archive, f"{student}.ipynb", cwd=otter)
    assert done.returncode == 0, done.stderr
    results = json.loads((otter / "results.json").read_text(encoding="utf-8"))
    graded = {t["name"]: (t["score"], t["max_score"]) for t in results["tests"] if "score" in t}
    first, second = POINTS[student]
    assert graded == {"p1_collector": (first, 1), "p2_basket": (second, 1)}
    assert not (otter / "progress.json").exists(), "no student's try is the grader's own"


# -- the solutions, and what is common


def test_solutions_are_put_in_and_explained(course: Path) -> None:
    """Each solution stands in the place of its starter, explained, and nothing was run."""
    folder = export("solutions", course)
    assert [path.name for path in folder.iterdir()] == [f"{NAME}.ipynb"]
    cells = read(folder / f"{NAME}.ipynb").cells
    exercise = find("p1.collector")
    solution, explanation, check = cells[2:5]
    assert solution.source == exercise.source("solution").strip()
    assert explanation.source.startswith(exercise.about)
    assert "<summary>Another way: swap</summary>" in explanation.source
    assert check.source == 'check("p1.collector", Collector)'
    assert not any(cell.get("outputs") for cell in cells)


@pytest.mark.parametrize("form", ["nbgrader", "otter", "solutions"])
def test_the_notebooks_of_the_course_are_exported(form: str, tmp_path: Path) -> None:
    """Every notebook with an exercise is exported, with each of its exercises."""
    marks = {
        source.notebook: re.findall(r'^# %% exercise="(.+)"', text, re.MULTILINE)
        for source in find_sources(SOURCES)
        if "# %% exercise=" in (text := source.path.read_text(encoding="utf-8"))
    }
    if not marks:
        pytest.skip("no exercise is in the notebooks yet")
    done = CliRunner().invoke(app, ["export", form, str(tmp_path)])
    assert done.exit_code == 0, done.output
    written = {path.stem: read(path) for path in tmp_path.rglob("*.ipynb")}
    assert set(written) == set(marks)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    CliRunner().invoke(app, ["export", form, str(tmp_path)])
    assert before == {path: path.read_bytes() for path in before}, "again, the same bytes"
    for name, exercises in marks.items():
        text = "\n".join(cell.source for cell in written[name].cells)
        solutions = [find(exercise).source("solution") for exercise in exercises]
        # The magic of a file's cell stands above the starter.
        solutions = [re.sub(r"\A%%.*\n", "", solution) for solution in solutions]
        assert all(solution in text + "\n" for solution in solutions)


def test_an_exercise_takes_the_place_of_the_packages(course: Path, tmp_path: Path) -> None:
    """A private folder named like one of the package decides when it is there, and only then."""
    stricter = tmp_path / "p1_collector"
    for name in ("given.py", "solution.py"):
        stricter.mkdir(exist_ok=True)
        (stricter / name).write_bytes((FOLDER / "p1_collector" / name).read_bytes())
    (stricter / "check.py").write_text(
        "from taskqueue_edu.course.exercises.p1_collector.given import IndexBatch\n"
        "from taskqueue_edu.lab.probes import Check\n"
        'check = Check("Collector")\n'
        "@check.probe()\n"
        "def never(Collector):\n"
        '    assert Collector is IndexBatch, "Hidden."\n',
        encoding="utf-8",
    )
    (tmp_path / "judge.py").write_text(
        "from taskqueue_edu.lab.exercises import find\n"
        'exercise = find("p1.collector")\n'
        'print(exercise.judge(exercise.answers("solution")))\n',
        encoding="utf-8",
    )
    assert "Hidden." in run("judge", cwd=tmp_path, **{PRIVATE: str(tmp_path)}).stdout
    assert "p1.collector: right" in run("judge", cwd=tmp_path).stdout


@pytest.fixture
def no_private(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Undo what the command leaves in the environment."""
    monkeypatch.setenv(PRIVATE, "")
    yield
    monkeypatch.undo()


@pytest.mark.usefixtures("no_private")
@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["phase9"], "no notebook is called phase9"),
        (["--private", "empty"], "holds no exercise"),
        (["extension_plain"], "none of these notebooks has an exercise"),
    ],
)
def test_what_cannot_be_exported_is_told(
    arguments: list[str], part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong call gets one clear error, exits 1, and leaves no folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "phase1.py").write_text('# %% exercise="p1.collector"\n', encoding="utf-8")
    (tmp_path / "extension_plain.py").write_text("# %%\n1\n", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    command: list[Any] = ["export", "nbgrader", "out", *arguments, "--sources", "."]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1
    assert part in done.stderr
    assert not (tmp_path / "out").exists()
