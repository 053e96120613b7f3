"""Run a notebook, and keep of its outputs what is the same on every machine."""

from __future__ import annotations

import copy
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from taskqueue_edu.course.paths import shorten_paths
from taskqueue_edu.course.rules import first_line
from taskqueue_edu.course.sources import CourseError

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


def kernel_environment() -> dict[str, str]:
    """Return the environment variables for a kernel whose outputs are kept or compared.

    Those of this process, without what makes outputs differ from one person to the next.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _PERSONAL and not name.startswith("TASKQUEUE_")
    }


def execute(notebook: NotebookNode, name: str, report: Callable[[str], None]) -> None:
    """Run all cells of `notebook`, in place, in a new kernel; `report` gets a line for each.

    The kernel's working folder is new and empty. A notebook that wants a file there would not
    find it, and one that leaves a file there would leave it in the learner's folder, so the
    same cells give the same outputs wherever the notebook lies. Raises CourseError if a cell
    raises without the tag for it, takes more than CELL_TIMEOUT seconds, or kills the kernel,
    and if a file is left behind.
    """
    if not notebook.cells:
        raise CourseError(f"{name}: the source holds no cell")
    metadata = copy.deepcopy(notebook.metadata)
    total = sum(cell.cell_type == "code" for cell in notebook.cells)
    started = time.monotonic()
    number = 0
    running: NotebookNode = notebook.cells[0]

    def on_start(cell: NotebookNode, **_: Any) -> None:
        nonlocal number, running, started
        if cell.cell_type == "code":
            number, running, started = number + 1, cell, time.monotonic()

    def on_end(**_: Any) -> None:
        seconds = time.monotonic() - started
        report(f"  cell {number} of {total}: {seconds:.1f} s  {first_line(running)}")

    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        # The kernel warns that it talks over TCP; it does so on this machine only.
        extra_arguments=["--log-level=ERROR"],
        on_cell_start=on_start,
        on_cell_executed=on_end,
    )
    with tempfile.TemporaryDirectory() as folder:
        try:
            client.execute(cwd=folder, env=kernel_environment())
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            reason = _reason(error, running)
            raise CourseError(
                f"{name}: code cell {number} failed\n\n{running.source}\n\n{reason}",
                hint="correct the cell in the source of the notebook, then build it again.",
            ) from error
        left = sorted(path.name for path in Path(folder).iterdir())
    if left:
        raise CourseError(
            f"{name}: left files in the working folder: {', '.join(left)}",
            hint="let the notebook write to a tempfile.TemporaryDirectory() and clean that up.",
        )
    # nbclient has put the versions of this machine's Python there.
    notebook.metadata = metadata
    _keep_what_is_stable(notebook)


def _reason(error: Exception, cell: NotebookNode) -> str:
    """Say why the cell failed; nbclient's own texts repeat the cell's source."""
    if isinstance(error, CellTimeoutError):
        return f"It took more than {CELL_TIMEOUT} seconds."
    if isinstance(error, DeadKernelError):
        return "It ended the kernel."
    raised = [output for output in cell.outputs if output.output_type == "error"]
    return "\n".join(raised[-1].traceback)


def _keep_what_is_stable(notebook: NotebookNode) -> None:
    """Number the cells from 1, shorten paths, and drop what only the kernel could show."""
    code = (cell for cell in notebook.cells if cell.cell_type == "code")
    for number, cell in enumerate(code, start=1):
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
