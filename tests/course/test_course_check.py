"""`build --check`: what it notices in a notebook, without running it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from taskqueue_edu.course.__main__ import app
from taskqueue_edu.course.builder import check
from taskqueue_edu.course.sources import find_sources, read_source, render

SOURCE = """\
# %% [markdown]
# Prose.

# %% tags=["nbval-ignore-output"]
x = 1

# %%
x = 1

# %%
x = 1
"""

NAME = "extension_x"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one source and the notebook that it gives."""
    (tmp_path / f"{NAME}.py").write_text(SOURCE, encoding="utf-8")
    notebook = read_source(find_sources(tmp_path)[0])
    for number, cell in enumerate(notebook.cells[1:], start=1):
        cell.execution_count = number
    (tmp_path / f"{NAME}.ipynb").write_text(render(notebook), encoding="utf-8", newline="\n")
    return tmp_path


def change(folder: Path, edit: Callable[[Any], None]) -> list[str]:
    path = folder / f"{NAME}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    edit(notebook)
    text = json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    return check([], folder, sources=folder)


def test_a_fresh_notebook_is_up_to_date(folder: Path) -> None:
    """What the builder wrote passes, also in a checkout with Windows line ends."""
    assert check([], folder, sources=folder) == []
    path = folder / f"{NAME}.ipynb"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert check([NAME], folder, sources=folder) == []


def test_cells_with_the_same_text_have_different_ids(folder: Path) -> None:
    """An id is made from the cell's text, and still occurs only once."""
    cells = read_source(find_sources(folder)[0]).cells
    assert len({cell.id for cell in cells}) == len(cells)


def test_an_id_does_not_depend_on_the_cells_before(folder: Path) -> None:
    """A cell put in front leaves the ids of the others as they were."""
    source = find_sources(folder)[0]
    before = [cell.id for cell in read_source(source).cells]
    source.path.write_text("# %%\nnew = 1\n\n" + SOURCE, encoding="utf-8")
    assert [cell.id for cell in read_source(source).cells][1:] == before


def _set(cell: int, key: str, value: object) -> Callable[[Any], None]:
    return lambda notebook: notebook["cells"][cell].__setitem__(key, value)


@pytest.mark.parametrize(
    ("edit", "finding"),
    [
        (_set(1, "source", ["x = 2"]), "cell 2 (x = 1) differs from the source in source"),
        (_set(0, "source", ["Other."]), "cell 1 (Prose.) differs from the source in source"),
        (_set(1, "metadata", {}), "cell 2 (x = 1) differs from the source in metadata"),
        (_set(2, "id", "other"), "cell 3 (x = 1) differs from the source in id"),
        (lambda nb: nb["cells"].pop(), "it has 3 cells, its source 4"),
        (_set(2, "execution_count", None), "code cell 2 (x = 1) was not run"),
        (
            lambda nb: nb["metadata"].update(widgets={}),
            "its metadata holds the state of widgets, which hides the saved pictures",
        ),
        (
            lambda nb: nb["metadata"].update(authors=[]),
            "its metadata are not those that it was built with",
        ),
    ],
)
def test_each_change_is_found(folder: Path, edit: Callable[[Any], None], finding: str) -> None:
    """An edit of the notebook gives one finding, which names the first cell that differs."""
    assert change(folder, edit) == [f"{NAME}: {finding}"]


def test_a_machine_path_is_found(folder: Path) -> None:
    """An output with somebody's home in it is a finding, whoever's machine it was built on."""
    output = {"name": "stdout", "output_type": "stream", "text": ["/home/ada/jobs\n"]}
    (finding,) = change(folder, _set(3, "outputs", [output]))
    assert finding.endswith("code cell 3 (x = 1) shows a path of one machine: /home/ada/jobs")


def test_a_notebook_saved_by_another_program_is_found(folder: Path) -> None:
    """The file must be written the way the builder writes it, so that diffs stay small."""
    path = folder / f"{NAME}.ipynb"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
    assert check([], folder, sources=folder) == [
        f"{NAME}: another program than this one wrote the file"
    ]


def test_a_changed_source_is_found(folder: Path) -> None:
    """An edit of the source makes the notebook out of date."""
    path = folder / f"{NAME}.py"
    path.write_text(SOURCE + "\n# %%\ny = 2\n", encoding="utf-8")
    assert check([], folder, sources=folder) == [f"{NAME}: it has 4 cells, its source 5"]


def test_missing_unreadable_and_strange_notebooks_are_found(folder: Path) -> None:
    """A source without notebook, a notebook without source and a broken file are findings."""
    path = folder / f"{NAME}.ipynb"
    path.rename(folder / "old_name.ipynb")
    assert check([], folder, sources=folder) == [
        f"{NAME}: it has not been built",
        "old_name: there is no source for it",
    ]
    path.write_text("{", encoding="utf-8")
    (finding,) = check([NAME], folder, sources=folder)
    assert finding.startswith(f"{NAME}: it is not a notebook that can be read")


def test_the_command_exits_1_and_says_what_to_do(folder: Path) -> None:
    """`--check` prints the findings and the command that puts them right."""
    arguments = ["build", "--check", "--sources", str(folder), "--out", str(folder)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    change(folder, _set(2, "execution_count", None))
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert f"{NAME}: code cell 2 (x = 1) was not run" in result.stderr
    assert f"build --out {folder}" in result.stderr
