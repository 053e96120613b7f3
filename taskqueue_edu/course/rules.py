"""What must hold for a notebook that has run, before anybody else gets it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import nbformat
from nbformat import NotebookNode

from taskqueue_edu.course.paths import machine_paths

MAX_CODE_CELLS = 45
"""More than that is not one sitting of 60 to 90 minutes."""

RAISES = "raises-exception"
"""The tag of a cell that shows an error on purpose; nbclient and nbval know it too."""

IGNORE = "nbval-ignore-output"
"""The tag of a cell whose outputs differ from run to run: nbval doesn't compare them."""


def broken_rules(notebook: NotebookNode) -> list[str]:
    """Return one sentence for each rule that the notebook breaks; [] if all is well."""
    return [*_whole(notebook), *_cells(notebook)]


def _whole(notebook: NotebookNode) -> Iterator[str]:
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        yield f"it is not a valid notebook: {error.message}"
    if "widgets" in notebook.metadata:
        yield "its metadata holds the state of widgets, which hides the saved pictures"
    count = sum(cell.cell_type == "code" for cell in notebook.cells)
    if count > MAX_CODE_CELLS:
        yield f"it has {count} code cells, more than {MAX_CODE_CELLS}"


def _cells(notebook: NotebookNode) -> Iterator[str]:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        where = f"code cell {number} ({first_line(cell)})"
        if not cell.source.strip():
            yield f"{where} is empty"
        elif cell.execution_count is None:
            yield f"{where} was not run"
        elif cell.execution_count != number:
            yield f"{where} was run out of order, as number {cell.execution_count}"
        tags = cell.metadata.get("tags", [])
        if cell.source.rstrip().endswith(";") and IGNORE not in tags:
            yield f"{where} ends with a semicolon, which hides its value here but not in nbval"
        raised = any(output.output_type == "error" for output in cell.outputs)
        may_raise = RAISES in tags
        if raised and not may_raise:
            yield f"{where} raised an error, and has no tag {RAISES}"
        if may_raise and not raised and cell.execution_count is not None:
            yield f"{where} has the tag {RAISES}, and raised nothing"
        for output in cell.outputs:
            for line in machine_paths(output_text(output)):
                yield f"{where} shows a path of one machine: {line.strip()}"


def output_text(output: NotebookNode) -> str:
    """Return everything in an output that a person or a program can read as text."""
    if output.output_type == "stream":
        return str(output.text)
    if output.output_type == "error":
        return "\n".join([output.ename, output.evalue, *output.traceback])
    # Pictures, except SVG, are base64: what looks like a path in there is none.
    readable = (v for mime, v in output.data.items() if "svg" in mime or "image/" not in mime)
    return "\n".join(v if isinstance(v, str) else json.dumps(v) for v in readable)


def first_line(cell: NotebookNode) -> str:
    """Return the first line of a cell, so that a person finds it again."""
    lines: list[str] = cell.source.strip().splitlines()
    return lines[0] if lines else "empty"
