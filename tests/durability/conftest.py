"""Marks the tests of this folder, and gives them places and faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from durability.faults import Layer
from taskqueue_edu import files


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.durability)


MEMORY = Path("/dev/shm")
"""Where Linux has a file system that is no disk."""


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """In memory for tests that put something in place of the disk: they write files by thousands.

    All others have the real one.
    """
    if not MEMORY.is_dir() or {"fast_disk", "layer"}.isdisjoint(request.fixturenames):
        yield tmp_path
        return
    with TemporaryDirectory(dir=MEMORY) as name:
        yield Path(name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


@pytest.fixture
def fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no sync take time, for tests that are about bytes and not about when they are safe."""
    monkeypatch.setattr(files, "sync_data", lambda descriptor: None)
    monkeypatch.setattr(files, "sync_folder", lambda folder: None)


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> Layer:
    """Stands between the store and the system; it does nothing until it is told to."""
    found = Layer()
    found.install(monkeypatch)
    return found
