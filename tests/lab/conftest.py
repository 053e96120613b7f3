"""What the tests of the lab share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from taskqueue_edu.catalogue import catalogue
from taskqueue_edu.lab.attempts import PLACE


@pytest.fixture(autouse=True)
def progress_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what a learner has done in a file of the test, and grade nothing."""
    path = tmp_path / "learner" / "progress.json"
    monkeypatch.setenv(PLACE, str(path))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.delenv("TASKQUEUE_EDU_STRICT", raising=False)
    return path


@pytest.fixture(autouse=True)
def forgotten_task_types() -> Iterator[None]:
    """Forget the task types that answers register: all answers to an exercise use one name."""
    yield
    for name, entry in list(catalogue._by_name.items()):
        if entry.cls.__module__.startswith("taskqueue_exercise_"):
            del catalogue._by_name[name], catalogue._by_class[entry.cls]
