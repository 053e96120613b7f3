"""What must hold for a notebook that has run, and which paths count as one machine's."""

from __future__ import annotations

import sysconfig
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

import taskqueue_edu
from taskqueue_edu.course.paths import machine_paths, shorten_paths
from taskqueue_edu.course.rules import MAX_CODE_CELLS, broken_rules

ROOT = Path(taskqueue_edu.__path__[0]).parent
ERROR = nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])


def code(source: str = "x", number: int | None = 1, **rest: object) -> NotebookNode:
    return nbformat.v4.new_code_cell(source, execution_count=number, **rest)


def tagged(*tags: str) -> dict[str, list[str]]:
    return {"tags": list(tags)}


@pytest.mark.parametrize(
    ("cells", "part"),
    [
        ([code(number=None)], "was not run"),
        ([code(), code(number=7)], "code cell 2 (x) was run out of order, as number 7"),
        ([code(" ")], "is empty"),
        ([code(outputs=[ERROR])], "raised an error, and has no tag"),
        ([code(metadata=tagged("raises-exception"))], "and raised nothing"),
        ([code("x;")], "ends with a semicolon"),
        ([code(number=n) for n in range(1, MAX_CODE_CELLS + 2)], "more than 45"),
    ],
)
def test_a_broken_rule_gets_one_sentence(cells: list[NotebookNode], part: str) -> None:
    """Each rule that a notebook breaks is named, with the cell."""
    (sentence,) = broken_rules(nbformat.v4.new_notebook(cells=cells))
    assert part in sentence


def test_a_notebook_that_breaks_no_rule_gets_no_sentence() -> None:
    """Errors on purpose, hidden values of ignored cells, and pictures are allowed."""
    picture = nbformat.v4.new_output("display_data", data={"image/png": "/home/ada/abcd"})
    cells = [
        code(outputs=[picture]),
        code(number=2, outputs=[ERROR], metadata=tagged("raises-exception")),
        code("x;", number=3, metadata=tagged("nbval-ignore-output")),
    ]
    assert broken_rules(nbformat.v4.new_notebook(cells=cells)) == []


def test_every_kind_of_output_is_searched_for_paths() -> None:
    """A path is found in a stream, in any text of a display, and in an error."""
    path = str(Path.home() / "secret")
    outputs = [
        nbformat.v4.new_output("stream", text=path),
        nbformat.v4.new_output("display_data", data={"image/svg+xml": f"<svg>{path}</svg>"}),
        nbformat.v4.new_output("display_data", data={"application/json": {"at": path}}),
        nbformat.v4.new_output("error", ename="E", evalue=path, traceback=[]),
    ]
    for output in outputs:
        cell = code(outputs=[output], metadata=tagged("raises-exception"))
        sentences = broken_rules(nbformat.v4.new_notebook(cells=[cell]))
        assert any("shows a path of one machine" in sentence for sentence in sentences)


@pytest.mark.parametrize(
    "text",
    [
        str(Path.home()),
        str(ROOT),
        f"in {tempfile.gettempdir()}/jobs",
        f'"{ROOT}/notebooks"',
        "/home/ada/x",
        "/Users/ada/x",
        "/var/folders/ab/x",
        r"C:\Users\ada",
        r"'C:\\Users\\ada'",
        "/usr/lib/python3.11/json/__init__.py",
        "\x1b[32m/home/ada/x\x1b[39m",
    ],
)
def test_a_path_of_one_machine_is_recognized(text: str) -> None:
    """The builder's own folders, and those where other people keep their files, count."""
    assert machine_paths(f"one line\n{text}\n") != []


@pytest.mark.parametrize(
    "text",
    [
        "taskqueue_edu/queue.py",
        "https://example.org/home/page",
        "http://127.0.0.1:8000/tmp",
        "/usr/bin/env python3",
        "a/b, 3/4, and/or",
        "~/.config",
    ],
)
def test_other_text_is_left_alone(text: str) -> None:
    """Relative paths, addresses of pages and fractions are no machine's paths."""
    assert machine_paths(text) == []


def test_tracebacks_name_files_as_an_import_would() -> None:
    """The place of the package, of Python's library and of the cells is cut off."""
    library = Path(sysconfig.get_path("stdlib"))
    packages = Path(sysconfig.get_path("purelib"))
    assert shorten_paths(f'  File "{ROOT / "taskqueue_edu" / "pool.py"}", line 3') == (
        f'  File "{Path("taskqueue_edu/pool.py")}", line 3'
    )
    assert shorten_paths(f'File "{library / "queue.py"}", line 3') == 'File "queue.py", line 3'
    colored = f"\x1b[36mFile \x1b[39m\x1b[32m{packages / 'typer'}:3\x1b[39m"
    assert shorten_paths(colored) == "\x1b[36mFile \x1b[39m\x1b[32mtyper:3\x1b[39m"
    cell = Path(tempfile.gettempdir()) / "ipykernel_4711" / "815.py"
    assert shorten_paths(f"{cell}:3: UserWarning") == "<cell>:3: UserWarning"


def test_paths_outside_a_traceback_stay() -> None:
    """A path that a cell prints itself is not touched, so that the rules find it."""
    text = str(ROOT / "notebooks")
    assert shorten_paths(text) == text
