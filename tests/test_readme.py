"""What README shows works."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

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


def test_every_link_leads_somewhere() -> None:
    """Every file that README links to or shows is in the repository."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
