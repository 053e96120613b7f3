"""What an instructor hands out and grades with: for nbgrader, for otter, and the solutions."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import nbformat
from nbformat import NotebookNode

from taskqueue_edu.course.sources import (
    CourseError,
    Source,
    check_cell,
    find_sources,
    read_source,
    render,
)
from taskqueue_edu.lab.checks import other_ways
from taskqueue_edu.lab.exercises import FOLDER, PRIVATE, Exercise, exercises
from taskqueue_edu.lab.isolate import SECONDS

POINTS: Final = 1
"""What each exercise counts."""

_HIDDEN: Final = "private"
"""The folder in an export that holds a copy of the instructor's own exercises."""

_NBGRADER_CONFIG: Final = f"""\
import os
from pathlib import Path

here = Path(__file__).parent
c = get_config()
c.CourseDirectory.course_id = "taskqueue_edu"
c.CourseDirectory.root = str(here)
# Students get the starter that stands above each solution, and nothing in the solution's place.
c.ClearSolutions.code_stub = {{"python": ""}}
# Seconds for a cell. A check gives an answer that hangs {SECONDS:g}.
c.Execute.timeout = {2 * SECONDS:g}
# Where the checks find exercises that are not in the package.
if (here / "{_HIDDEN}").is_dir():
    os.environ["{PRIVATE}"] = str(here / "{_HIDDEN}")
"""


class Form(StrEnum):
    """What to export."""

    NBGRADER = "nbgrader"
    OTTER = "otter"
    SOLUTIONS = "solutions"


def export(
    form: Form, out: Path, names: Sequence[str], *, sources: Path, private: Path | None
) -> list[Path]:
    """Write the notebooks to the folder `out` in one form, and return their files.

    Each notebook with an exercise gets one; no names means all. `private` is a folder of
    exercises that come to those of the package, or take the place of those of the same name:
    a copy goes along for grading. Raises CourseError if no notebook has an exercise, or if
    `private` has none.
    """
    if private is not None:
        _use(private)
    put_in: Callable[[Exercise], list[NotebookNode]] = {
        Form.NBGRADER: _for_nbgrader,
        Form.OTTER: _for_otter,
        Form.SOLUTIONS: _solved,
    }[form]
    written = []
    for source in find_sources(sources, names):
        notebook, found = _filled(source, put_in)
        if form is Form.OTTER:
            notebook.cells.insert(0, _otter_config(found))
        if found:
            written.append(_write(notebook, _place(form, out, source)))
    if not written:
        raise CourseError("none of these notebooks has an exercise that is checked")
    if form is not Form.SOLUTIONS and private is not None:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(private, out / _HIDDEN, ignore=ignored, dirs_exist_ok=True)
    config = out / "nbgrader_config.py"
    if form is Form.NBGRADER and not config.exists():
        config.write_text(_NBGRADER_CONFIG, encoding="utf-8")
    return written


def _use(private: Path) -> None:
    """Let `find` know the exercises in a folder."""
    os.environ[PRIVATE] = str(private.resolve())
    if not any(_is_private(exercise) for exercise in exercises()):
        raise CourseError(
            f"{private} holds no exercise",
            hint="name the folder that holds the folders of exercises, such as p2_name.",
        )


def _filled(
    source: Source, put_in: Callable[[Exercise], list[NotebookNode]]
) -> tuple[NotebookNode, list[Exercise]]:
    """Return the notebook of a source, and the exercises in it."""
    found: list[Exercise] = []

    def cells(exercise: Exercise) -> list[NotebookNode]:
        found.append(exercise)
        return put_in(exercise)

    return read_source(source, cells), found


def _is_private(exercise: Exercise) -> bool:
    return exercise.folder.parent != FOLDER


def _is_hidden(exercise: Exercise) -> bool:
    """Tell whether students don't have it: their own check can't say anything of it."""
    return not (FOLDER / exercise.folder.name).is_dir()


def _place(form: Form, out: Path, source: Source) -> Path:
    name = f"{source.notebook}.ipynb"
    return out / "source" / source.notebook / name if form is Form.NBGRADER else out / name


def _write(notebook: NotebookNode, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(notebook), encoding="utf-8", newline="\n")
    return path


# -- the solutions


def _solved(exercise: Exercise) -> list[NotebookNode]:
    """Return the solution, why it is right, and its check."""
    explained = "\n\n".join([exercise.about, *other_ways(exercise)])
    return [
        nbformat.v4.new_code_cell(exercise.source("solution")),
        nbformat.v4.new_markdown_cell(explained),
        check_cell(exercise),
    ]


# -- nbgrader


def _starter_and_solution(exercise: Exercise, begin: str, end: str) -> str:
    """Return the code of a cell that both tools cut to the starter, and that runs as solved."""
    starter, solution = exercise.source("starter"), exercise.source("solution")
    if exercise.check.file:
        solution = solution.partition("\n")[2]  # `%%program` stands above the starter already
    return f"{starter}{begin}\n{solution}{end}"


def _for_nbgrader(exercise: Exercise) -> list[NotebookNode]:
    """Return the cell to fill in, and the cell that gives the points."""
    answer = nbformat.v4.new_code_cell(
        _starter_and_solution(exercise, "### BEGIN SOLUTION", "### END SOLUTION"),
        metadata=_nbgrader(exercise.folder.name, solution=True),
    )
    graded = check_cell(exercise)
    # It takes `check` from where it is: whatever the student has under that name.
    graded.source = f"from taskqueue_edu.lab import check\n{graded.source}"
    if _is_hidden(exercise):
        graded.source = (
            f"# {exercise.name} is checked when it is graded.\n"
            f"### BEGIN HIDDEN TESTS\n{graded.source}\n### END HIDDEN TESTS"
        )
    graded.metadata = _nbgrader(f"{exercise.folder.name}_check", solution=False)
    return [answer, graded]


def _nbgrader(grade_id: str, *, solution: bool) -> dict[str, object]:
    marks: dict[str, object] = {
        "grade": not solution,
        "grade_id": grade_id,
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    return {"nbgrader": marks if solution else {**marks, "points": POINTS}}


# -- otter


def _otter_config(found: Sequence[Exercise]) -> NotebookNode:
    """Return the cell that tells otter to add no cells of its own, and what to grade with."""
    lines = [
        "# ASSIGNMENT CONFIG",
        "init_cell: false",
        "export_cell: false",
        "tests: {ok_format: false}",
    ]
    if any(map(_is_private, found)):
        lines.append(f"autograder_files: [{_HIDDEN}]")
    return nbformat.v4.new_raw_cell("\n".join(lines), id="otter-config")


def _for_otter(exercise: Exercise) -> list[NotebookNode]:
    """Return a question: the cell to fill in, and the test that gives the points."""
    answer = _starter_and_solution(exercise, "# BEGIN SOLUTION NO PROMPT", "# END SOLUTION")
    name = exercise.folder.name
    raw, code = nbformat.v4.new_raw_cell, nbformat.v4.new_code_cell
    question = [
        raw(f"# BEGIN QUESTION\nname: {name}\npoints: {POINTS}\ncheck_cell: false"),
        raw("# BEGIN SOLUTION"),
        code(answer),
        raw("# END SOLUTION"),
        raw("# BEGIN TESTS"),
        code(_otter_test(exercise)),
        raw("# END TESTS"),
        raw("# END QUESTION"),
    ]
    if _is_hidden(exercise):
        return question
    check = check_cell(exercise)
    check.metadata = {"tags": ["otter_ignore"]}  # for the student: the test above gives the points
    return [*question, check]


def _otter_test(exercise: Exercise) -> str:
    """Return a test that asserts the verdict, so that otter reports what it says."""
    names = ", ".join(exercise.check.names)
    takes = "place" if exercise.check.file else names
    lines = [f"def test_{exercise.folder.name}({takes}):"]
    if _is_private(exercise):
        # Without the folder, the package's check would decide, and nobody would know.
        lines += [
            "    import os",
            "    from pathlib import Path",
            f'    os.environ["{PRIVATE}"] = str(Path("{_HIDDEN}").resolve(strict=True))',
        ]
    lines += [
        "    from taskqueue_edu.lab.exercises import find",
        f"    verdict = find({json.dumps(exercise.name)}).judge([{names}])",
        "    assert verdict.ok, verdict",
    ]
    return "\n".join(["# HIDDEN"] * _is_hidden(exercise) + lines)
