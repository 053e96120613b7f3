"""The hooks in notebooks/conftest.py, seen from outside: pytest on notebooks made here."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CELLS = 6

# Deals the tests out in two heaps and turns one over: no order and no group survives.
SHUFFLE = "def pytest_collection_modifyitems(items): items[:] = items[::2] + items[1::2][::-1]\n"

needs_randomly = pytest.mark.skipif(
    importlib.util.find_spec("pytest_randomly") is None, reason="pytest-randomly is not installed"
)

SHUFFLED = pytest.mark.parametrize(
    "shuffled",
    [
        pytest.param(("-p", "randomly", "--randomly-seed=1"), marks=needs_randomly),
        ("-p", "shuffle"),
    ],
    ids=["randomly", "other"],
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two notebooks in which every cell needs the one before it."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "notebooks" / "conftest.py", tmp_path / "notebooks")
    shutil.copy(ROOT / "tests" / "nbval_sanitize.cfg", tmp_path / "tests")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\naddopts = -p nbval --nbval -p no:cacheprovider\n"
    )
    (tmp_path / "shuffle.py").write_text(SHUFFLE)
    counting = [("x = 1\nprint(x)", "1\n")]
    counting += [(f"x += {n}\nprint(x)", f"{1 + sum(range(n + 1))}\n") for n in range(1, CELLS)]
    for name in ("one", "two"):
        write_notebook(tmp_path / "notebooks" / f"{name}.ipynb", counting)
    return tmp_path


def write_notebook(path: Path, cells: list[tuple[str, str]]) -> None:
    """Write a notebook of (code, what it printed)."""
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    )
    for number, (source, text) in enumerate(cells, start=1):
        output = nbformat.v4.new_output("stream", name="stdout", text=text)
        notebook.cells.append(
            nbformat.v4.new_code_cell(source, execution_count=number, outputs=[output])
        )
    nbformat.write(notebook, path)


def run(project: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on the project, with the plugins that are named and no others."""
    path = os.pathsep.join([str(project), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        env=os.environ | {"PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | variables,
    )


def order(project: Path, *arguments: str) -> list[str]:
    """Return the cells in the order in which pytest would run them, as "one 0"."""
    done = run(project, "--collect-only", "-q", *arguments)
    assert done.returncode == 0, done.stdout
    return [" ".join(cell) for cell in re.findall(r"(\w+)\.ipynb::Cell (\d)", done.stdout)]


ONE, TWO = ([f"{name} {n}" for n in range(CELLS)] for name in ("one", "two"))


@SHUFFLED
@pytest.mark.parametrize(
    "chosen",
    [
        (),
        pytest.param(("notebooks",), marks=pytest.mark.thorough),
        pytest.param(("notebooks/one.ipynb",), marks=pytest.mark.thorough),
    ],
)
def test_cells_are_in_order_whatever_shuffles_them(
    project: Path, shuffled: tuple[str, ...], chosen: tuple[str, ...]
) -> None:
    """The cells of a notebook stay in order and together, for all notebooks or for one."""
    found = order(project, *shuffled, *chosen)
    if chosen and chosen[0].endswith(".ipynb"):
        assert found == ONE
    else:
        assert found in (ONE + TWO, TWO + ONE)


@SHUFFLED
def test_the_hook_is_what_keeps_the_order(project: Path, shuffled: tuple[str, ...]) -> None:
    """Without notebooks/conftest.py the order is another, so the test above proves something."""
    (project / "notebooks" / "conftest.py").unlink()
    found = order(project, *shuffled)
    assert sorted(found) == ONE + TWO
    assert found not in (ONE + TWO, TWO + ONE)


def test_cells_run_in_the_order_that_is_shown(project: Path) -> None:
    """Shuffled with the hook, all cells pass; without it, all fail but the first."""
    shuffled = ("-p", "shuffle", "notebooks/one.ipynb")
    done = run(project, *shuffled)
    assert f"{CELLS} passed" in done.stdout, done.stdout
    (project / "notebooks" / "conftest.py").unlink()
    done = run(project, *shuffled)
    assert f"{CELLS - 1} failed, 1 passed" in done.stdout, done.stdout


def test_what_differs_from_run_to_run_is_not_compared(project: Path) -> None:
    """Addresses, ports, ids, the place of files and settings may differ; all else may not."""
    failing = """\
import traceback
try:
    1 / 0
except ZeroDivisionError:
    print(traceback.format_exc().splitlines()[1].split(", in")[0])"""
    cells = [
        ("print(object())", "<object object at 0x7f0011223344>\n"),
        ("print('http://127.0.0.1:40000/a')", "http://127.0.0.1:51234/a\n"),
        ("from secrets import token_hex; print(f'{token_hex(6)}-17')", "0123456789ab-17\n"),
        (failing, '  File "<cell>", line 3\n'),
        ("import os; print(os.environ.get('TASKQUEUE_WORKERS'))", "None\n"),
        ("print(1)", "2\n"),
    ]
    write_notebook(project / "notebooks" / "one.ipynb", cells)
    done = run(project, "-v", "notebooks/one.ipynb", TASKQUEUE_WORKERS="7")
    assert "5 passed" in done.stdout, done.stdout
    assert "Cell 5 FAILED" in done.stdout
