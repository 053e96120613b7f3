"""What README shows works."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess, run

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_example_prints_what_it_says(
    run_python: Callable[[str], CompletedProcess[str]],
) -> None:
    """The program in README runs as it stands, and prints 15."""
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    done = run_python(program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "15\n", "")


@pytest.mark.slow
def test_the_race_is_found_as_shown(tmp_path: Path) -> None:
    """The race in README is found in the very schedule that stands there."""
    (program,) = re.findall(r"```py\n(.*?)```", README, re.DOTALL)
    (shown,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    (tmp_path / "race.py").write_text(program)
    done = run([sys.executable, "race.py"], cwd=tmp_path, capture_output=True, text=True)
    assert [line.rstrip() for line in done.stdout.splitlines()] == shown.splitlines()


def test_every_link_leads_somewhere() -> None:
    """Every file that README links to or shows is in the repository."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
