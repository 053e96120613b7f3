"""The command in this process, in a process of its own, and in a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from taskqueue_edu.cli import app

COMMAND = (sys.executable, "-m", "taskqueue_edu")
LIMIT = 60.0  # seconds that a test waits for a process before it fails


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


class Terminal:
    """The command in a terminal of 80 columns, as a person has it."""

    def __init__(self, *words: object) -> None:
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.execv(COMMAND[0], [*COMMAND, *map(str, words)])
        self.text = ""
        self._deadline = time.monotonic() + LIMIT

    def read_until(self, pattern: str) -> re.Match[str]:
        """Read until the pattern is in what was written."""
        while (found := re.search(pattern, self.text)) is None:
            assert self._read(), f"the command ended without {pattern!r}:\n{self.text}"
        return found

    def _read(self) -> bool:
        left = self._deadline - time.monotonic()
        ready, _, _ = select.select([self._terminal], [], [], max(left, 0))
        assert ready, f"nothing more within {LIMIT} s:\n{self.text}"
        try:
            data = os.read(self._terminal, 65_536)
        except OSError:  # how Linux says that no process has the terminal open any more
            return False
        self.text += data.decode()
        return data != b""

    def ctrl_c(self) -> None:
        """Press Ctrl-C: the system interrupts every process in the terminal."""
        os.write(self._terminal, b"\x03")

    def end(self) -> int:
        """Read until all processes in the terminal are gone; return the command's exit code."""
        while self._read():
            pass
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._terminal)


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


def facts_in(folder: str) -> list[dict[str, Any]]:
    """Return the lines of a journal, without its header."""
    import json

    lines = Path(folder, "journal.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines][1:]
