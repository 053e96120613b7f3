"""How notebook 02 measures what a task costs: pools made here, whose cost is known."""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest
from matplotlib.figure import Figure

from taskqueue_edu.course import costs
from taskqueue_edu.course.costs import Costs, _in_words


@pytest.fixture(autouse=True, scope="module")
def fonts() -> None:
    """Draw once: matplotlib opens its font files at first use, and keeps them open."""
    figure = Figure()
    figure.text(0.5, 0.5, "text")
    figure.savefig(io.BytesIO(), format="png")


class FakePool:
    """Runs nothing by itself; notes that it was ended."""

    ended = 0

    def __init__(self, workers: int) -> None:
        assert workers == costs.WORKERS

    def shutdown(self) -> None:
        FakePool.ended += 1


def steps(count: int) -> Callable[[Any, int], list[Any]]:
    """Return work of `count` steps a task that leaves one list a task to the collector."""

    def work(_: Any, tasks: int) -> list[Any]:
        for _ in range(tasks * count):
            pass
        return [[] for _ in range(tasks)]

    return work


@pytest.fixture(autouse=True)
def _few_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "TASKS", 100)
    monkeypatch.setattr(costs, "ROUNDS", 3)


def test_a_pool_is_compared_with_the_first_and_the_last() -> None:
    """The word speaks of the pool before, the rate of the first one."""
    table = Costs("base", FakePool, steps(200))
    assert table.add("fast", FakePool, steps(20)) == "much faster"
    assert table.add("slow", FakePool, steps(800)) == "slower"
    assert table["base"].rate == 1.0
    assert table["fast"].rate > 2
    assert table["slow"].rate < 0.5


@pytest.mark.parametrize(
    ("gain", "word"),
    [
        (0.89, "slower"),
        (0.9, "no faster"),
        (1.09, "no faster"),
        (1.1, "faster"),
        (1.5, "much faster"),
    ],
)
def test_a_gain_has_a_word(gain: float, word: str) -> None:
    """The words are those that a learner predicts with."""
    assert _in_words(gain) == word


def test_objects_are_counted_for_each_task() -> None:
    """What the collector looks at counts; numbers and texts don't."""
    table = Costs("lists", FakePool, lambda _, tasks: [[] for _ in range(tasks)])
    table.add("numbers", FakePool, lambda _, tasks: [str(n) for n in range(tasks)])
    assert table["lists"].objects == pytest.approx(1, abs=0.1)
    assert table["numbers"].objects == pytest.approx(0, abs=0.1)


def test_each_pool_is_ended_and_nothing_stays_changed() -> None:
    """Also if the work raises: the cores, the collector and what it looks at are as before."""

    def fails(_: Any, tasks: int) -> None:
        raise OSError

    cores = os.sched_getaffinity(0) if sys.platform == "linux" else None
    gc.unfreeze()  # what conftest.py has frozen, unless an earlier measurement let it go
    FakePool.ended = 0
    Costs("base", FakePool, steps(1))
    assert FakePool.ended == costs.ROUNDS + 1
    with pytest.raises(OSError):  # noqa: PT011  # raised without a text, a few lines above
        Costs("base", FakePool, fails)
    assert FakePool.ended == costs.ROUNDS + 2
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    assert sys.platform != "linux" or os.sched_getaffinity(0) == cores


def test_the_table_has_a_line_for_each_pool(capsys: pytest.CaptureFixture[str]) -> None:
    """Two tables: the one of one core, and the one of all cores."""
    table = Costs("base", FakePool, steps(1))
    table.add("other", FakePool, steps(1))
    table.show()
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "µs",
        "base",
        "other",
    ]
    table.on_all_cores("other")
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["On", "other"]


@pytest.mark.slow
def test_the_picture_is_one_that_a_notebook_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a PNG beside a text that is always the same."""
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(costs, "display", lambda data, raw: shown.append(data))
    table = Costs("base", FakePool, steps(20))
    table.add("other", FakePool, steps(1))
    table.picture()
    (data,) = shown
    assert data["image/png"].startswith(b"\x89PNG")
    assert (
        data["text/plain"]
        == "A bar for each row of the table: how many times as fast as the first."
    )
