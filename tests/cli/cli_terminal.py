"""The command as a person has it: in a terminal, with a journal beside it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "taskqueue_edu")
LIMIT = 60.0  # seconds that a test waits for a process before it fails


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


def facts_in(folder: str) -> list[dict[str, Any]]:
    """Return the lines of a journal, without its header."""
    lines = Path(folder, "journal.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines][1:]
