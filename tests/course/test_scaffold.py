"""`python -m taskqueue_edu.course new`: a new exercise, and what the suite says of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from taskqueue_edu.course.__main__ import app
from taskqueue_edu.course.scaffold import NOTE, left_to_write, scaffold
from taskqueue_edu.lab.exercises import PRIVATE

PYTEST = (sys.executable, "-m", "pytest", "-q")
SUITE = Path(__file__).parents[1] / "lab" / "test_exercises.py"


def suite(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the tests that hold each exercise to its word on the one in `folder`."""
    return subprocess.run(
        # None of the options that a run of all tests has.
        [*PYTEST, "-o", "addopts=", "--thorough", "-k", "p2.new", SUITE],
        cwd=SUITE.parents[2],
        env=os.environ | {PRIVATE: str(folder)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


@pytest.mark.slow
@pytest.mark.thorough
def test_the_suite_says_what_is_left_to_write(tmp_path: Path) -> None:
    """A new exercise works, but is not complete while a note to its author is left."""
    made = scaffold("p2_new", tmp_path)
    done = suite(tmp_path)
    assert "1 failed, 5 passed" in done.stdout, done.stdout
    assert "p2_new is not written yet:" in done.stdout
    assert all(note in done.stdout for note in left_to_write(made))
    for path in made.iterdir():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(f"# {NOTE}")]
        path.write_text("".join(kept).replace(f"{NOTE} ", ""), encoding="utf-8")
    done = suite(tmp_path)
    assert "6 passed" in done.stdout, done.stdout


def test_the_command_lists_the_notes(tmp_path: Path) -> None:
    """The command names the folder, and each file with what to write in it."""
    done = CliRunner().invoke(app, ["new", "p2_new", "--folder", str(tmp_path)])
    assert done.exit_code == 0
    assert str(tmp_path / "p2_new") in done.stdout
    for path in (tmp_path / "p2_new").iterdir():
        assert f"  {path.name}, line " in done.stdout


@pytest.mark.parametrize(
    "name", ["p2_taken", "p5_name", "p2", "p2_", "p2_Name", "p2.name", "../p2_a"]
)
def test_a_name_that_is_taken_or_bad_is_refused(name: str, tmp_path: Path) -> None:
    """The command says why, exits 1, and makes nothing."""
    (tmp_path / "p2_taken").mkdir()
    done = CliRunner().invoke(app, ["new", name, "--folder", str(tmp_path)])
    assert done.exit_code == 1
    assert "What to do: " in done.stderr
    assert list(tmp_path.rglob("*")) == [tmp_path / "p2_taken"]
