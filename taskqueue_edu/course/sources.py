"""The sources of the notebooks: which there are, and what each gives before it has run.

A source is a Python file in jupytext's percent format: `# %% [markdown]` starts prose, `# %%`
starts code, and `# %% tags=["raises-exception"]` gives a cell tags. `# %% exercise="p1.collector"`,
with nothing below it, stands for two cells: what the exercise hands out, and its check. Everything
in a notebook except its outputs follows from its sources alone, so two people who build get the
same file.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from taskqueue_edu.errors import TaskQueueError
from taskqueue_edu.lab.exercises import Exercise, find

SOURCES = Path(__file__).parent

# The number in front makes a file browser show the notebooks in the order of the course.
# `extension_NAME.py` becomes `extension_NAME.ipynb`, after all of these.
_NOTEBOOKS = {
    "start_here": "00_start_here",
    "phase1": "01_core_task_system",
    "phase2": "02_worker_pool",
    "phase3": "03_monitoring_and_storage",
    "phase4": "04_integration_and_cli",
}

# No version of anything: it would differ between machines, and the notebook would with it.
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}

# How the source was laid out: jupytext notes it so that it can write the same source again.
_LAYOUT = {"cell_marker", "lines_to_end_of_cell_marker", "lines_to_next_cell"}


EXERCISE = "exercise"
"""What marks a cell that stands for an exercise."""


class CourseError(TaskQueueError):
    """A notebook can't be built from its source: the message says which one and why."""


@dataclass(frozen=True)
class Source:
    """One source file, and the name that its notebook gets (without `.ipynb`)."""

    path: Path
    notebook: str


def find_sources(folder: Path, names: Sequence[str] = ()) -> list[Source]:
    """Return the sources in `folder`, in the order of the course; only those named, if any are.

    A name is a source's (`phase1`) or its notebook's (`01_core_task_system`). An unknown one
    raises CourseError, and so does a folder without any source.
    """
    found = [
        Source(path, notebook)
        for stem, notebook in _NOTEBOOKS.items()
        if (path := folder / f"{stem}.py").is_file()
    ]
    found += [Source(path, path.stem) for path in sorted(folder.glob("extension_*.py"))]
    if not found:
        raise CourseError(f"{folder} holds no source of a notebook")
    known = {name for source in found for name in (source.path.stem, source.notebook)}
    if unknown := [name for name in names if name not in known]:
        raise CourseError(
            f"no notebook is called {', '.join(unknown)}",
            hint=f"the names are {', '.join(source.path.stem for source in found)}.",
        )
    return [s for s in found if not names or s.path.stem in names or s.notebook in names]


def handed_out(exercise: Exercise) -> list[NotebookNode]:
    """Return the cells that a learner gets for an exercise: the starter, and its check."""
    return [nbformat.v4.new_code_cell(exercise.source("starter")), check_cell(exercise)]


def check_cell(exercise: Exercise) -> NotebookNode:
    """Return the cell that checks an exercise."""
    answers = ", ".join(exercise.check.names)
    return nbformat.v4.new_code_cell(f'check("{exercise.name}", {answers})')


def read_source(
    source: Source, put_in: Callable[[Exercise], list[NotebookNode]] = handed_out
) -> NotebookNode:
    """Return the notebook that `source` gives, with no cell run yet.

    `put_in` returns the cells that stand in the place of an exercise's mark. A cell's id is a
    hash of its text: it stays the same when cells before it come and go.
    """
    text = source.path.read_text(encoding="utf-8")
    notebook: NotebookNode = jupytext.reads(text, fmt="py:percent")
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = _METADATA
    notebook.cells = [c for cell in notebook.cells for c in _expand(cell, source, put_in)]
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        cell.source = cell.source.strip("\n")
        cell.metadata = {k: v for k, v in cell.metadata.items() if k not in _LAYOUT}
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        seen[digest] += 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
    return notebook


def _expand(
    cell: NotebookNode, source: Source, put_in: Callable[[Exercise], list[NotebookNode]]
) -> list[NotebookNode]:
    """Return the cells that stand for an exercise in the place of its mark; others as they are."""
    name = cell.metadata.pop(EXERCISE, None)
    if name is None:
        return [cell]
    if cell.source.strip():
        raise CourseError(f"{source.path.name}: the cell of exercise {name} must be empty")
    return put_in(find(name))


def render(notebook: NotebookNode) -> str:
    """Return the text of the notebook's file: the same notebook gives the same text."""
    text: str = nbformat.writes(notebook)
    return text.rstrip("\n") + "\n"
