"""Each mechanism behind a promise is held by a test: take it out, and the test fails."""

from __future__ import annotations

import compileall
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from py_compile import PycInvalidationMode

import pytest

import taskqueue_edu
from durability.forks import ForkServer
from durability.mutants import MUTANTS, Mutant

PACKAGE = Path(taskqueue_edu.__file__).parent
TESTS = Path(__file__).parents[1]
LIMIT = 60
"""Seconds that a test of a mutant may take. They take about one."""

SETTINGS = """
[pytest]
markers =
    slow: takes longer than 0.25 s
    browser: needs Chromium and playwright
    durability: tries what a crash or a disk can do to a journal
"""
_NOT_COPIED = shutil.ignore_patterns("__pycache__", "course", "corpus", "picture", "widgets")


# It knows pytest, but neither the package nor a test: each process that it forks imports those of
# the copy. What it writes goes to two files.
SERVER = """
    import asyncio, inspect, json, logging, os, signal, sys
    import hypothesis, msgspec, pytest

    while command := os.read(0, 4096).decode().split():
        limit, output, *tests = command
        process = os.fork()
        if process == 0:
            signal.alarm(int(limit))
            for number, name in ((1, output), (2, output + "-errors")):
                os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            options = ["-q", "--tb=line", "-p", "no:cacheprovider", "--basetemp", output + "-files"]
            code = pytest.main([*options, *tests])
            sys.stdout.flush()
            os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package and its tests."""
    folder = tmp_path_factory.mktemp("mutants")
    shutil.copytree(PACKAGE, folder / "taskqueue_edu", ignore=_NOT_COPIED)
    shutil.copytree(TESTS, folder / "tests", ignore=_NOT_COPIED)
    (folder / "pytest.ini").write_text(SETTINGS)
    # A mutant may have the size and the time of the original. A compiled file that holds the hash
    # of its source is never taken for that of another.
    compileall.compile_dir(
        folder / "taskqueue_edu", quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH
    )
    return folder


Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def run(copy: Path) -> Iterator[Run]:
    """Run tests of the copy on the copy, without plugins; return the exit code and the output."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(copy),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    server = ForkServer(SERVER, folder=copy, environment=environment)
    output = copy / "output"

    def run(*tests: str) -> tuple[int, str]:
        server.say(LIMIT, output, *tests)
        (code,) = server.hear()
        return int(code), output.read_text()

    yield run
    server.close()


@pytest.mark.slow
def test_without_a_mutant_the_tests_pass(copy: Path, run: Run) -> None:
    """The tests that the mutants name pass on the copy as it is, and they are the copy's."""
    where = copy / "tests" / "test_where.py"
    where.write_text(
        "import taskqueue_edu\n\n"
        f"def test_where():\n    assert taskqueue_edu.__file__.startswith({str(copy)!r})\n"
    )
    code, output = run(*sorted({mutant.test for mutant in MUTANTS}), where)
    assert code == 0, output[-3_000:]


def test_each_mutant_has_a_name_of_its_own() -> None:
    """No two mutants have the same name, and none is a change of nothing."""
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 20
    assert all(mutant.source != mutant.instead for mutant in MUTANTS)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_mutant_is_caught(copy: Path, run: Run, mutant: Mutant) -> None:
    """Without the mechanism, the test that holds it fails."""
    path = copy / "taskqueue_edu" / mutant.file
    text = path.read_text()
    assert text.count(mutant.source) == 1, f"{mutant.file} has it {text.count(mutant.source)} times"
    path.write_text(text.replace(mutant.source, mutant.instead))
    try:
        code, output = run(mutant.test)
    finally:
        path.write_text(text)
    assert code == 1, output[-3_000:]
    assert re.search(r"^\d+ failed", output.splitlines()[-1]), output[-3_000:]
