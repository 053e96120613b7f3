"""The exercises of the notebooks: as they are handed out, and with their solutions put in."""

from __future__ import annotations

import ast
import dis
from pathlib import Path
from types import CodeType

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from jupyter_core.utils import ensure_event_loop
from nbclient import NotebookClient
from nbformat import NotebookNode

from taskqueue_edu.course.execute import kernel_environment
from taskqueue_edu.course.sources import SOURCES, find_sources, read_source
from taskqueue_edu.lab.attempts import PLACE
from taskqueue_edu.lab.exercises import Exercise, exercises

pytestmark = pytest.mark.slow

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
PHASES = ["phase1", "phase2", "phase3", "phase4"]


@pytest.fixture(scope="module", autouse=True)
def event_loop() -> None:
    """Make the one event loop that nbclient keeps for later calls."""
    ensure_event_loop()


def folders(notebook: NotebookNode) -> list[Exercise]:
    """Return the exercises that a notebook has from folders."""
    starters = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return [one for one in exercises() if one.source("starter").strip() in starters]


def names(code: CodeType) -> tuple[set[str], set[str]]:
    """Return the global names that code uses before it gives them a value, and those it gives."""
    takes: set[str] = set()
    gives: set[str] = set()
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_NAME", "LOAD_GLOBAL"):
            takes |= {step.argval} - gives
        elif step.opname in ("STORE_NAME", "STORE_GLOBAL"):
            gives.add(step.argval)
        elif isinstance(step.argval, CodeType):
            takes |= names(step.argval)[0] - gives
    return takes, gives


def keep_what_counts(notebook: NotebookNode, solved: set[str]) -> None:
    """Keep the cells with a check, those that use a name in `solved`, and those that these need.

    Those that write a file stay, too. nbval runs all the others, which are the same whether an
    exercise is solved or not.
    """
    needed: set[str] = set()
    kept = []
    for cell in reversed([cell for cell in notebook.cells if cell.cell_type == "code"]):
        source = TransformerManager().transform_cell(cell.source)
        takes, gives = names(compile(source, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
        checks = cell.source.startswith("check(")
        counts = checks or cell.source.startswith("%%") or takes & solved
        if counts or gives & needed:
            needed = needed - gives | takes
            kept.append(cell)
    notebook.cells = kept[::-1]


def run(notebook: NotebookNode, folder: Path, **environment: str) -> None:
    """Run what is left of a notebook in a folder of its own."""
    client = NotebookClient(
        notebook,
        timeout=60,
        kernel_name="python3",
        # Its last cells are missing, so what it holds is not closed: that would take seconds.
        shutdown_kernel="immediate",
        extra_arguments=["--log-level=CRITICAL"],
    )
    client.execute(
        cwd=str(folder), env=kernel_environment(str(folder)) | {"TMPDIR": str(folder)} | environment
    )


@pytest.mark.thorough
@pytest.mark.parametrize("name", PHASES)
def test_every_solution_from_a_folder_is_right(name: str, tmp_path: Path) -> None:
    """With the solutions of its exercises put in, no check of a notebook raises while grading."""
    (source,) = find_sources(SOURCES, [name])
    notebook = read_source(source)
    wanted = {cell.source for cell in notebook.cells if cell.source.startswith("check(")}
    found = folders(notebook)
    assert len(found) == len(wanted)
    starters = {one.source("starter").strip(): one.source("solution").strip() for one in found}
    for cell in notebook.cells:
        cell.source = starters.get(cell.source, cell.source)
    keep_what_counts(notebook, {one.check.names[0] for one in found})
    assert wanted <= {cell.source for cell in notebook.cells}
    run(notebook, tmp_path, TASKQUEUE_EDU_STRICT="1", **{PLACE: str(tmp_path / "progress.json")})


@pytest.mark.parametrize("name", PHASES)
def test_an_exercise_from_a_folder_is_not_done_yet(name: str) -> None:
    """In the committed notebook, which ran as it is handed out, each check says so."""
    (source,) = find_sources(SOURCES, [name])
    notebook = nbformat.read(NOTEBOOKS / f"{source.notebook}.ipynb", as_version=4)
    checks = [cell for cell in notebook.cells if cell.source.startswith("check(")]
    assert len(checks) == len(folders(notebook)) > 0
    for cell in checks:
        (output,) = cell.outputs
        assert ": not done yet" in output.data["text/plain"]
