"""The notebooks in the repository: what running them through nbval doesn't see."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from taskqueue_edu.course.builder import check

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))


def test_the_four_phases_are_there() -> None:
    """There is a notebook for each phase of the course."""
    phases = {
        "01_core_task_system",
        "02_worker_pool",
        "03_monitoring_and_storage",
        "04_integration_and_cli",
    }
    assert phases <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_what_its_source_gives(name: str) -> None:
    """It is valid, up to date, wholly run, and free of widget state, errors and machine paths."""
    assert check([name], NOTEBOOKS) == []


@pytest.mark.parametrize(
    "name", ["01_core_task_system", "02_worker_pool", "03_monitoring_and_storage"]
)
def test_a_live_monitor_leaves_a_picture(name: str) -> None:
    """A reader without a kernel, on a page that shows notebooks, sees a picture and text."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=nbformat.NO_CONVERT)
    outputs = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
    shown = [output.data for output in outputs if output.output_type == "display_data"]
    assert any("image/png" in data and "text/plain" in data for data in shown)
    assert any(output.output_type == "stream" for output in outputs)


def test_every_notebook_has_a_source() -> None:
    """Nothing in the folder of the notebooks was written by hand, except its conftest.py."""
    assert NAMES
    assert check([], NOTEBOOKS) == []
