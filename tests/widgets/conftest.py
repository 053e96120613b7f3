"""What the tests of the live monitor share."""

from __future__ import annotations

import pytest

from taskqueue_edu.widgets.final import draw_final

from .samples import EMPTY


@pytest.fixture(scope="session", autouse=True)
def fonts() -> None:
    """Draw once: matplotlib opens its font files at first use, and keeps them open."""
    draw_final(EMPTY, 1.0)
