"""What phase 3 asks for besides functions: a test that finds broken savers, lines in order."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taskqueue_edu import lab
from taskqueue_edu.lab.attempts import PLACE
from taskqueue_edu.lab.crash import crash_test, value_kept
from taskqueue_edu.lab.exercises import find
from taskqueue_edu.lab.parsons import puzzle
from taskqueue_edu.lab.predict import predictions

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def own_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the progress of these tests apart from that of whoever runs them."""
    monkeypatch.setenv(PLACE, str(tmp_path / "progress.json"))


def explained_test() -> Callable[[Any], None]:
    """Return the test that the explanation of the mutants shows."""
    found = re.search(r"~~~python\n(.*?)~~~", find("p3.mutants_savers").about, re.DOTALL)
    assert found is not None
    space: dict[str, Any] = {"crash_test": crash_test, "value_kept": value_kept}
    exec(found[1], space)
    made: Callable[[Any], None] = space["test_saver"]
    return made


def reads_back(save: Callable[[Path, bytes], None]) -> None:
    """Test a saver without a crash."""
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder) / "file", b"new")
        assert (Path(folder) / "file").read_bytes() == b"new"


def test_the_explained_test_finds_every_broken_saver(capsys: pytest.CaptureFixture[str]) -> None:
    """It lets the right ones pass, too; a test that only reads back finds none."""
    lab.mutants("p3.mutants_savers", explained_test())
    assert "p3.mutants_savers: right" in capsys.readouterr().out
    lab.mutants("p3.mutants_savers", reads_back)
    broken = len(find("p3.mutants_savers").others("wrong"))
    assert f"{broken} got past it" in capsys.readouterr().out


def test_the_lines_of_the_solution_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    """The lines in their order pass; without the last one, the name is not on the disk."""
    exercise = find("p3.parsons_replace")
    letters = {line: letter for letter, line in puzzle(exercise).lines.items()}
    solution = exercise.source("solution").rpartition("# lines\n")[2].splitlines()
    order = "".join(letters[line] for line in solution)
    lab.parsons("p3.parsons_replace", order)
    assert "p3.parsons_replace: right" in capsys.readouterr().out
    lab.parsons("p3.parsons_replace", order[:-1])
    assert "A rename replaces a file safely, by itself." in capsys.readouterr().out


def test_the_steps_on_disk_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    """What the trace asks for is what is there after the worst crash."""
    lab.trace("p3.disk", [step.value for step in predictions().trace["p3.disk"].steps])
    assert "p3.disk: right" in capsys.readouterr().out
