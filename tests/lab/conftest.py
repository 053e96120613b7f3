"""What the tests of the lab share."""

from __future__ import annotations

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
def own_task_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test register task types that others register, too: answers to one exercise do."""
    for table in ("_by_name", "_by_class"):
        monkeypatch.setattr(catalogue, table, dict(getattr(catalogue, table)))
