"""How many states the tests of this folder tried, in all processes that ran them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

_TRIED: Counter[str] = Counter()
_OUTPUT = "durability: states tried"


def tried(name: str, n: int = 1) -> None:
    """Count `n` more states of the kind `name`: the summary of the run shows the totals."""
    _TRIED[name] += n


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a process that pytest-xdist started send its counts home."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_OUTPUT] = dict(_TRIED)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add the counts of such a process."""
    _TRIED.update(getattr(node, "workeroutput", {}).get(_OUTPUT, {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the totals."""
    if _TRIED:
        terminalreporter.section(_OUTPUT)
        for name, n in sorted(_TRIED.items()):
            terminalreporter.write_line(f"{n:>8,}  {name}")
        terminalreporter.write_line(f"{_TRIED.total():>8,}  in all")
