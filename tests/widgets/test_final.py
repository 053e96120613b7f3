"""The picture that stays: a PNG on white, in a size that fits a notebook file."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from taskqueue_edu.monitor import Snapshot
from taskqueue_edu.widgets.final import draw_final
from taskqueue_edu.widgets.page import WIDTH

from .samples import ALL, BUSY

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("snapshot", ALL.values(), ids=ALL)
def test_every_run_has_a_picture(snapshot: Snapshot) -> None:
    """Whatever happened, the PNG is white, twice as wide as it is shown, and not large."""
    png = draw_final(snapshot, 12.0)
    assert len(png) < 120_000
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        assert image.width == 2 * WIDTH
        pixels = image.convert("RGB")
    right, bottom = pixels.width - 1, pixels.height - 1
    corners = {pixels.getpixel((x, y)) for x in (0, right) for y in (0, bottom)}
    assert corners == {(255, 255, 255)}
    assert len(pixels.getcolors(1_000_000) or ()) > 10


@pytest.mark.parametrize("seconds", [0.5, 2.0, 200.0, 3600.0])
def test_a_run_may_be_short_or_long(seconds: float) -> None:
    """Half a second and an hour both have a picture."""
    assert draw_final(BUSY, seconds).startswith(b"\x89PNG")


def run(code: str) -> int:
    start = (
        "import sys; from concurrent.futures import ThreadPoolExecutor; "
        "from samples import BUSY, EMPTY; "
        "from taskqueue_edu.widgets.final import draw_final; "
    )
    here = Path(__file__).parent
    return subprocess.run([sys.executable, "-c", start + code], cwd=here, timeout=100).returncode


def test_two_pictures_can_be_drawn_at_once() -> None:
    """Threads that draw at the same time get what they would get alone."""
    code = (
        "draw = lambda snapshot: draw_final(snapshot, 12.0); "
        "drawn = list(ThreadPoolExecutor(4).map(draw, [BUSY, EMPTY] * 3)); "
        "sys.exit(drawn != [draw(BUSY), draw(EMPTY)] * 3)"
    )
    assert run(code) == 0


def test_a_notebook_s_own_figures_are_left_alone() -> None:
    """Drawing imports no pyplot, which would keep figures and choose a backend."""
    assert run("draw_final(BUSY, 12.0); sys.exit('matplotlib.pyplot' in sys.modules)") == 0
