"""ControlPanel in a real kernel: what a saved notebook holds, and that nbval agrees with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

TEXT = "ControlPanel: run this cell to use it"
VIEW = "application/vnd.jupyter.widget-view+json"
CELLS = (
    """\
from taskqueue_edu import ControlPanel, TaskQueue, WorkerPool
queue = TaskQueue()
pool = WorkerPool(2)
pool.start_processing(queue)
ControlPanel(queue, pool)""",
    "panel = ControlPanel(queue, pool)\npanel.show()",
    "panel.stop()",
    "panel = ControlPanel(queue, pool)\npanel",
    "pool.shutdown()\nqueue.close()\npanel._thread.join()",
    "import threading\n'taskqueue-control-panel' in {t.name for t in threading.enumerate()}",
)


# For the module, since jupyter_client makes an event loop at first use and keeps it.
@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notebook with control panels that has run, without state of widgets and without tags."""
    path = tmp_path_factory.mktemp("controls") / "controls.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(
        notebook,
        timeout=60,
        kernel_name="python3",
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],
    ).execute()
    nbformat.write(notebook, path)
    return path


def test_a_saved_notebook_holds_a_text(executed: Path) -> None:
    """The same in each place; a panel that was stopped leaves only that, and no thread."""
    notebook = nbformat.read(executed, as_version=4)
    first, second, _, third, *_, last = notebook.cells
    # The first was stopped when the second was shown, the second by its cell.
    for cell, kinds in (
        (first, {"text/plain"}),
        (second, {"text/plain"}),
        (third, {VIEW, "text/plain"}),
    ):
        (output,) = cell.outputs
        assert set(output.data) == kinds
        assert output.data["text/plain"] == TEXT
    assert last.outputs[0].data["text/plain"] == "False"


def test_nbval_finds_the_same_outputs_again(executed: Path) -> None:
    """The cells need no tag: their outputs are the same after every run, as nbval compares."""
    options = ["--nbval", "-q", "-p", "no:randomly", "-c", os.devnull]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--rootdir={executed.parent}", str(executed)],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout
    assert f"{len(CELLS)} passed" in done.stdout
