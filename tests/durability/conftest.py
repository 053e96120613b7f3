"""Marks the tests of this folder, and counts the states that they tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from durability.faults import Layer
from taskqueue_edu import files

_TRIED: Counter[str] = Counter()


def tried(name: str, n: int = 1) -> None:
    """Count `n` more states of the kind `name`: the summary of the run shows the totals."""
    _TRIED[name] += n


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.durability)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _TRIED:
        terminalreporter.section("durability: states tried")
        for name, n in sorted(_TRIED.items()):
            terminalreporter.write_line(f"{n:>8,}  {name}")
        terminalreporter.write_line(f"{_TRIED.total():>8,}  in all")


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
