"""The command in this process, in a process of its own, and in a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_terminal import COMMAND, LIMIT, Terminal
from typer.testing import CliRunner

from taskqueue_edu.cli import app


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder, an environment without settings, and no imports left over."""
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith("TASKQUEUE_")]:
        monkeypatch.delenv(name)
    for name in ("FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


@pytest.fixture
def call() -> Callable[..., Any]:
    """Call the command in this process: the result has exit_code, stdout, stderr."""
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def execute() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in a process of its own."""

    def run(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [*COMMAND, *map(str, words)]
        options = {"capture_output": True, "text": True, "timeout": LIMIT, **options}
        return subprocess.run(command, check=False, **options)

    return run


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Start the command in a terminal."""
    opened: list[Terminal] = []

    def start(*words: object) -> Terminal:
        opened.append(Terminal(*words))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def write(folder: Path) -> Callable[[str, str], Path]:
    """Write a Python file into the current folder."""

    def write_file(name: str, text: str) -> Path:
        path = folder / name
        path.write_text(text)
        return path

    return write_file
