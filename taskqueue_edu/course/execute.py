"""Run a notebook, and keep of its outputs what is the same on every machine."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from taskqueue_edu.course.paths import shorten_paths
from taskqueue_edu.course.rules import first_line
from taskqueue_edu.course.sources import CourseError
from taskqueue_edu.lab.attempts import PLACE

CELL_TIMEOUT = 60
"""Seconds that one cell may take; the tests give it the same."""

_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# A terminal's size and colors end up in what commands print; so would a setting of a queue.
_PERSONAL = {
    "COLUMNS",
    "FORCE_COLOR",
    "GITHUB_ACTIONS",
    "JUPYTER_COLUMNS",
    "LINES",
    "NO_COLOR",
    "PY_COLORS",
    "TERMINAL_WIDTH",
}


def kernel_environment(folder: str) -> dict[str, str]:
    """Return the environment variables for a kernel whose outputs are kept or compared.

    Those of this process, without what makes outputs differ from one person to the next. What is
    kept of a learner's progress goes to `folder`, and not into that of whoever runs this.
    """
    common = {
        name: value
        for name, value in os.environ.items()
        if name not in _PERSONAL and not name.startswith("TASKQUEUE_")
    }
    return common | {PLACE: str(Path(folder, "progress.json"))}


def execute(notebook: NotebookNode, name: str, report: Callable[[str], None]) -> None:
    """Run all cells of `notebook`, in place, in a new kernel; `report` gets a line for each.

    The kernel's working folder is new and empty. A notebook that wants a file there would not
    find it, and one that leaves a file there would leave it in the learner's folder, so the
    same cells give the same outputs wherever the notebook lies. Raises CourseError if a cell
    raises without the tag for it, takes more than CELL_TIMEOUT seconds, or kills the kernel,
    and if a file is left behind.
    """
    code = [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        # What it logs is about itself: that it talks over TCP, that it was ended.
        extra_arguments=["--log-level=CRITICAL"],
    )
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as private:
        with client.setup_kernel(cwd=folder, env=kernel_environment(private)):
            for number, (index, cell) in enumerate(code, start=1):
                started = time.monotonic()
                try:
                    client.execute_cell(cell, index)
                except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                    raise CourseError(
                        f"{name}: code cell {number} failed\n\n{cell.source}\n\n"
                        + _reason(error, cell),
                        hint="correct the cell in the source, then build the notebook again.",
                    ) from error
                seconds = time.monotonic() - started
                report(f"  cell {number} of {len(code)}: {seconds:.1f} s  {first_line(cell)}")
        left = sorted(path.name for path in Path(folder).iterdir())
    if left:
        raise CourseError(
            f"{name}: left files in the working folder: {', '.join(left)}",
            hint="let the notebook write to a tempfile.TemporaryDirectory() and clean that up.",
        )
    # Only now: a cell can change what an earlier one displayed.
    for number, (_, cell) in enumerate(code, start=1):
        _keep_what_is_stable(cell, number)


def _reason(error: Exception, cell: NotebookNode) -> str:
    """Say why the cell failed; nbclient's own texts repeat the cell's source."""
    if isinstance(error, CellTimeoutError):
        return f"It took more than {CELL_TIMEOUT} seconds."
    if isinstance(error, DeadKernelError):
        return "It ended the kernel."
    raised = [output for output in cell.outputs if output.output_type == "error"]
    return "\n".join(raised[-1].traceback)


def _keep_what_is_stable(cell: NotebookNode, number: int) -> None:
    """Give the cell its number, shorten paths, and drop what only the kernel could show."""
    cell.execution_count = number
    for output in cell.outputs:
        if output.output_type == "stream":
            output.text = shorten_paths(output.text)
        elif output.output_type == "error":
            output.evalue = shorten_paths(output.evalue)
            output.traceback = [shorten_paths(part) for part in output.traceback]
        else:
            # A widget dies with its kernel. JupyterLab would put "model not found" in
            # its place and hide the picture that the same output carries.
            output.data.pop(_WIDGET_VIEW, None)
            for mime, value in output.data.items():
                if isinstance(value, str) and not mime.startswith("image/"):
                    output.data[mime] = shorten_paths(value)
            if output.output_type == "execute_result":
                output.execution_count = number
