"""Each mechanism behind a promise is held by a test: take it out, and the test fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import taskqueue_edu
from durability.mutants import MUTANTS, Mutant

PACKAGE = Path(taskqueue_edu.__file__).parent
TESTS = Path(__file__).parents[1]
LIMIT = 60.0
"""Seconds that a test of a mutant may take. They take about one."""

SETTINGS = """
[pytest]
markers =
    slow: takes longer than 0.25 s
    browser: needs Chromium and playwright
    durability: tries what a crash or a disk can do to a journal
"""
_NOT_COPIED = shutil.ignore_patterns("__pycache__", "course", "corpus", "widgets")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package and its tests."""
    folder = tmp_path_factory.mktemp("mutants")
    shutil.copytree(PACKAGE, folder / "taskqueue_edu", ignore=_NOT_COPIED)
    shutil.copytree(TESTS, folder / "tests", ignore=_NOT_COPIED)
    (folder / "pytest.ini").write_text(SETTINGS)
    return folder


def run(folder: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Run tests of the copy on the copy, in a process without plugins, which starts faster."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=line", "-p", "no:cacheprovider", *tests],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(folder),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


@pytest.mark.slow
def test_without_a_mutant_the_tests_pass(copy: Path) -> None:
    """The tests that the mutants name pass on the copy as it is, and they are the copy's."""
    done = run(copy, *sorted({mutant.test for mutant in MUTANTS}))
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-1_000:]
    where = [sys.executable, "-c", "import taskqueue_edu; print(taskqueue_edu.__file__)"]
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    found = subprocess.run(
        where, cwd=copy, env=environment, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()).is_relative_to(copy)


def test_each_mutant_has_a_name_of_its_own() -> None:
    """No two mutants have the same name, and none is a change of nothing."""
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 20
    assert all(mutant.source != mutant.instead for mutant in MUTANTS)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_mutant_is_caught(copy: Path, mutant: Mutant) -> None:
    """Without the mechanism, the test that holds it fails."""
    path = copy / "taskqueue_edu" / mutant.file
    text = path.read_text()
    assert text.count(mutant.source) == 1, f"{mutant.file} has it {text.count(mutant.source)} times"
    path.write_text(text.replace(mutant.source, mutant.instead))
    try:
        done = run(copy, mutant.test)
    finally:
        path.write_text(text)
    assert done.returncode == 1, done.stdout[-3_000:] + done.stderr[-1_000:]
    assert re.search(r"^\d+ failed", done.stdout.splitlines()[-1]), done.stdout[-3_000:]
