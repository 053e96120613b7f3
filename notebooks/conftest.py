"""How pytest runs the notebooks: through nbval, one test for each code cell.

The cells of a notebook share one kernel, so a cell needs those before it. Run a notebook as a
whole: `pytest notebooks/02_worker_pool.ipynb`. `--last-failed` and `--failed-first` pick single
cells and fail on that account. With pytest-xdist, `--dist loadfile` keeps a notebook on one
worker.

This file is here, and not among the tests, because pytest reads it also when it is given
nothing but a notebook.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from unittest import mock

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from taskqueue_edu.course.execute import kernel_environment
from taskqueue_edu.course.paths import path_patterns

_PRIVATE = tempfile.TemporaryDirectory()
SANITIZE = Path(__file__).parents[1] / "tests" / "nbval_sanitize.cfg"


def pytest_configure(config: pytest.Config) -> None:
    """Replace what differs from run to run: an option would depend on the working folder."""
    if config.option.nbval_sanitize_with is None:
        config.option.nbval_sanitize_with = str(SANITIZE)


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Shorten paths in new outputs as the builder did in the saved ones."""
    if isinstance(collector, IPyNbFile):
        collector.sanitize_patterns.update(path_patterns())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, None, None]:
    """Give the kernel, which starts here, the same environment that the builder gave it."""
    with mock.patch.dict(os.environ, kernel_environment(_PRIVATE.name), clear=True):
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the cells of each notebook in order, where its first cell is now.

    Plugins that shuffle tests shuffle these too. This runs after them.
    """
    cells: dict[pytest.Collector, list[IPyNbCell]] = {}
    for item in items:
        if isinstance(item, IPyNbCell):
            cells.setdefault(item.parent, []).append(item)
    ordered: list[pytest.Item] = []
    for item in items:
        if not isinstance(item, IPyNbCell):
            ordered.append(item)
        elif item.parent in cells:
            ordered += sorted(cells.pop(item.parent), key=lambda cell: cell.cell_num)
    items[:] = ordered
