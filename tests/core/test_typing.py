"""What a type checker sees of the package: the files in tests/typing say what it must."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_types() -> None:
    """mypy --strict finds every stated type right, and rejects every marked line."""
    pytest.importorskip("mypy")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "tests/typing"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_is_typed() -> None:
    """The file that tells type checkers to read the package's annotations is there."""
    assert (ROOT / "taskqueue_edu" / "py.typed").is_file()
