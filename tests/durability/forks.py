"""A process that imports once what many short processes need, and forks one for each of them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path


class ForkServer:
    """Runs a program that reads a line for each process to fork, and tells of it in lines."""

    def __init__(self, program: str, *, folder: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def say(self, *words: object) -> None:
        """Send a line of words."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()

    def hear(self) -> list[str]:
        """Return the words of the next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the server has ended"
        return line.split()

    def close(self) -> None:
        """End the server."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)
