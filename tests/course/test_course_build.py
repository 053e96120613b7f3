"""`python -m taskqueue_edu.course build`, run as a command on sources made here."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from typer.testing import CliRunner

from taskqueue_edu.course.__main__ import app

pytestmark = pytest.mark.slow

GOOD = """\
# %% [markdown]
# # A title
#
# Some prose.

# %%
print("first")
import os
os.environ.get("TASKQUEUE_WORKERS"), os.environ.get("COLUMNS")

# %% tags=["raises-exception"]
import json
json.loads("{")

# %%
import ipywidgets
from IPython.display import display
monitor = display(ipywidgets.IntProgress(), display_id=True)

# %%
import traceback
try:
    json.loads("{")
except ValueError as error:
    print("".join(traceback.format_tb(error.__traceback__)).splitlines()[0])

# %%
monitor.update(ipywidgets.IntProgress(7))
"""

Build = Callable[..., subprocess.CompletedProcess[str]]


def run(*arguments: str | Path, code: str | None = None) -> subprocess.CompletedProcess[str]:
    start = ["-c", code] if code else ["-m", "taskqueue_edu.course"]
    return subprocess.run(
        [sys.executable, *start, "build", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        env=os.environ | {"TASKQUEUE_WORKERS": "7", "COLUMNS": "33"},
    )


def call(*arguments: str | Path) -> Any:
    """Call the command in this process, for what starts no kernel."""
    return CliRunner().invoke(app, ["build", *map(str, arguments)])


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Build phase1 from the given source; the notebook goes to tmp_path."""

    def build(source: str, **options: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "phase1.py").write_text(textwrap.dedent(source), encoding="utf-8")
        return run("--sources", tmp_path, "--out", tmp_path, **options)

    return build


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good source and the notebook built from it."""
    folder = tmp_path_factory.mktemp("good")
    (folder / "phase1.py").write_text(GOOD, encoding="utf-8")
    (folder / "extension_late.py").write_text("# %%\n1 / 0\n", encoding="utf-8")
    done = run("phase1", "--sources", folder, "--out", folder)
    assert done.returncode == 0, done.stderr
    assert "01_core_task_system: built in" in done.stdout
    return folder


def read(folder: Path) -> nbformat.NotebookNode:
    return nbformat.read(folder / "01_core_task_system.ipynb", as_version=nbformat.NO_CONVERT)


def test_only_the_named_notebook_is_built(good: Path) -> None:
    """A name on the command line leaves every other source alone, even one that would fail."""
    assert [path.name for path in good.glob("*.ipynb")] == ["01_core_task_system.ipynb"]


@pytest.mark.thorough
def test_building_again_gives_the_same_bytes(good: Path) -> None:
    """The file of a notebook depends on its source alone, and `--check` agrees."""
    path = good / "01_core_task_system.ipynb"
    before = path.read_bytes()
    assert run("phase1", "--sources", good, "--out", good).returncode == 0
    assert path.read_bytes() == before
    assert call("01_core_task_system", "--sources", good, "--out", good, "--check").exit_code == 0


def test_the_notebook_is_run_and_numbered(good: Path) -> None:
    """Every code cell has run, in order, and kept its output and its tags."""
    notebook = read(good)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4, 5]
    assert code[0].outputs[0].text == "first\n"
    assert code[1].metadata == {"tags": ["raises-exception"]}
    assert code[1].outputs[0].ename == "JSONDecodeError"


def test_nothing_of_the_machine_is_kept(good: Path) -> None:
    """Metadata hold no version and no widget, tracebacks name files as an import would."""
    notebook = read(good)
    assert notebook.metadata.kernelspec.display_name == "Python 3"
    assert "version" not in notebook.metadata.language_info
    assert "widgets" not in notebook.metadata
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert any("json/decoder.py" in line for line in code[1].outputs[0].traceback)
    assert code[2].outputs[0].data == {"text/plain": "IntProgress(value=7)"}
    assert code[3].outputs[0].text == '  File "<cell>", line 3, in <module>\n'


def test_the_kernel_does_not_see_personal_settings(good: Path) -> None:
    """The size of the terminal and TASKQUEUE_* variables don't reach the cells."""
    assert read(good).cells[1].outputs[1].data["text/plain"] == "(None, None)"


def test_an_exercise_is_put_in(build: Build, tmp_path: Path) -> None:
    """The mark of an exercise becomes what it hands out, and its check: not done yet."""
    mark = '# %% exercise="p1.collector"\n'
    source = f"# %%\nfrom taskqueue_edu.lab import check\n\n{mark}"
    assert build(source).returncode == 0
    cells = read(tmp_path)["cells"]
    assert [cell["source"].splitlines()[0] for cell in cells] == [
        "from taskqueue_edu.lab import check",
        "class Collector:",
        'check("p1.collector", Collector)',
    ]
    assert "not done yet" in cells[2]["outputs"][0]["data"]["text/plain"]
    again = build(mark.replace("collector", "colector"))
    assert again.returncode == 1
    assert "do you mean 'p1.collector'?" in again.stderr


def test_a_failing_cell_stops_the_build(build: Build, tmp_path: Path) -> None:
    """The command names notebook, source and error, exits 1, and leaves the old file alone."""
    old = tmp_path / "01_core_task_system.ipynb"
    old.write_text("old", encoding="utf-8")
    done = build("# %%\nfine = 1\n\n# %%\nprice = fine / 0\n")
    assert done.returncode == 1
    for part in ("01_core_task_system", "code cell 2", "price = fine / 0", "ZeroDivisionError"):
        assert part in done.stderr
    assert [path.name for path in tmp_path.glob("*ipynb*")] == [old.name]
    assert old.read_text(encoding="utf-8") == "old"


@pytest.mark.thorough
def test_a_file_left_behind_stops_the_build(build: Build) -> None:
    """A notebook that would leave a file in the learner's folder is refused."""
    done = build("# %%\nopen('left.txt', 'w').close()\n")
    assert done.returncode == 1
    assert "left.txt" in done.stderr


@pytest.mark.thorough
def test_a_path_of_this_machine_stops_the_build(build: Build) -> None:
    """A notebook that shows where the builder keeps things is refused."""
    done = build("# %%\nimport tempfile\nprint(tempfile.gettempdir())\n")
    assert done.returncode == 1
    assert "code cell 1 (import tempfile) shows a path of one machine" in done.stderr


@pytest.mark.thorough
def test_a_kernel_that_dies_stops_the_build(build: Build) -> None:
    """A cell that ends the kernel is reported like one that raises."""
    done = build("# %%\nimport os\nos._exit(3)\n")
    assert done.returncode == 1
    assert "code cell 1 failed" in done.stderr
    assert "It ended the kernel." in done.stderr


@pytest.mark.thorough
def test_a_cell_that_hangs_stops_the_build(build: Build) -> None:
    """A cell that takes longer than the limit is given up, and its kernel is ended."""
    code = """if True:
        from taskqueue_edu.course import execute
        execute.CELL_TIMEOUT = 1
        from taskqueue_edu.course.__main__ import app
        app()
    """
    done = build("# %%\nimport threading\nthreading.Event().wait()\n", code=code)
    assert done.returncode == 1
    assert "threading.Event().wait()" in done.stderr
    assert "It took more than 1 seconds." in done.stderr


def test_the_command_line_explains_itself(tmp_path: Path) -> None:
    """An unknown name, an empty folder and a missing one each get one clear error."""
    (tmp_path / "phase1.py").write_text("# %%\n1\n", encoding="utf-8")
    unknown = call("phase9", "--sources", tmp_path, "--out", tmp_path)
    assert unknown.exit_code == 1
    assert "no notebook is called phase9" in unknown.stderr
    assert "the names are phase1." in unknown.stderr
    missing = call("--sources", tmp_path, "--out", tmp_path / "nowhere")
    assert missing.exit_code == 1
    assert "there is no folder" in missing.stderr
