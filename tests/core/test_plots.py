"""The figures for a report: what is drawn, and what is said of it in words."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from PIL import Image

from taskqueue_edu import (
    Monitor,
    RetryPolicy,
    TaskQueue,
    WorkerPool,
    current_task,
    facts,
    plots,
    task_type,
)
from taskqueue_edu.facts import RawFact, Submission
from taskqueue_edu.frames import fact_frame
from taskqueue_edu.plots.series import thinned
from taskqueue_edu.registry import fold

START = 1_700_000_000
"""When the made-up runs of these tests begin, in seconds since 1970."""


def ns(seconds: float) -> int:
    return START * 10**9 + round(seconds * 10**6) * 1_000


def table(*rows: tuple[Any, ...]) -> pd.DataFrame:
    """Return facts: (seconds after START, kind, task, worker or type, seconds or None: since)."""
    return fact_frame(
        [
            (kind, task, ns(at), who, 0 if since is None else ns(since))
            for at, kind, task, who, since in rows
        ]
    )


def run_of(start: float, end: float, task: str, worker: str, kind: str) -> list[tuple[Any, ...]]:
    return [(start, facts.STARTED, task, worker, start), (end, kind, task, worker, start)]


def timestamp(seconds: float) -> pd.Timestamp:
    return pd.Timestamp(ns(seconds), unit="ns", tz="UTC")


RETRIED = table(
    (0, facts.SUBMITTED, "a-1", "math", None),
    (1, facts.STARTED, "a-1", "w1", 0),
    (2, facts.SUBMITTED, "a-2", "math", None),
    (3, facts.RETRIED, "a-1", "w1", 1),
    (4, facts.STARTED, "a-2", "w1", 2),
    (5, facts.STARTED, "a-1", "w2", 3),
    (6, facts.FAILED, "a-2", "w1", 4),
    (8, facts.SUCCEEDED, "a-1", "w2", 5),
)
"""Two tasks and two workers. The first task runs twice, on one worker and then on the other."""


@pytest.fixture(scope="module", autouse=True)
def fonts() -> None:
    """Have matplotlib open its fonts before the first test: it keeps them open."""
    plots.page(RETRIED)._repr_png_()


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


def line(ax: Axes, name: str) -> list[tuple[float, float]]:
    """Return the points of a line."""
    (found,) = (one for one in ax.lines if one.get_label() == name)
    return [(float(x), float(y)) for x, y in zip(*found.get_data(), strict=True)]


def stairs(ax: Axes, name: str) -> tuple[list[float], list[float]]:
    """Return the values and the edges of a line in steps."""
    (found,) = (one for one in ax.patches if isinstance(one, StepPatch) and one.get_label() == name)
    data = found.get_data()
    return [float(y) for y in data.values], [float(x) for x in data.edges]


def spans(ax: Axes, kind: str) -> list[tuple[float, float, int]]:
    """Return from when to when bars of a kind go, and in which lane."""
    found = []
    for bars in ax.collections:
        if isinstance(bars, PolyCollection) and bars.get_label() == kind:
            for path in bars.get_paths():
                (left, top), (right, _) = path.vertices.min(0), path.vertices.max(0)
                found.append((float(left), float(right), round(float(top))))
    return found


def words(ax: Axes) -> list[str]:
    """Return what the legend says."""
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def notes(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def about(value: float) -> Any:
    """What is drawn of a time: a bar begins a little late, to stand apart from the one before."""
    return pytest.approx(value, abs=0.01)


# -- one chart each


def test_throughput(ax: Axes) -> None:
    """Rates are counts in equal steps by the length of a step; what failed has its own line."""
    text = plots.throughput(RETRIED, ax)
    assert stairs(ax, "submitted") == ([0.5, 0.0], [0.0, 4.0, 8.0])
    assert stairs(ax, "finished") == ([0.0, 0.5], [0.0, 4.0, 8.0])
    assert stairs(ax, "failed") == ([0.0, 0.25], [0.0, 4.0, 8.0])
    assert words(ax) == ["finished", "submitted", "failed"]
    assert ax.get_ylabel() == "tasks per minute"
    assert text == (
        "Throughput: 2 tasks submitted and 2 finished, 1 of them failed, in 8 s. "
        "0.25 finished per second on average, 0.5 at most (counted in steps of 4 s)."
    )


@pytest.mark.parametrize(
    ("kind", "finished", "failed"),
    [
        (facts.SUCCEEDED, 1, 0),
        (facts.FAILED, 1, 1),
        (facts.DIED, 1, 1),
        (facts.CANCELLED, 1, 0),
        (facts.RETRIED, 0, 0),
        (facts.RELEASED, 0, 0),
        (facts.RECOVERED, 0, 0),
    ],
)
def test_how_a_run_may_end(ax: Axes, kind: str, finished: int, failed: int) -> None:
    """A task that finished is one that ends for good; any other waits again."""
    run = table(*run_of(0, 1, "a-1", "w1", kind))
    assert f"and {finished} finished, {failed} of them failed" in plots.throughput(run, ax)
    ax.clear()
    plots.depth(run, ax)
    assert [depth for _, depth in line(ax, "depth")] == [0, 1 - finished, 1 - finished]


def test_a_burst_leaves_the_chart(ax: Axes) -> None:
    """Many tasks submitted at once don't press the rest flat: an arrow says how many they are."""
    rows = [(0, facts.SUBMITTED, f"a-{n}", "math", None) for n in range(1_000)]
    for n in range(1_000):
        rows += run_of(n / 10, (n + 1) / 10, f"a-{n}", "w1", facts.SUCCEEDED)
    plots.throughput(table(*rows), ax)
    values, edges = stairs(ax, "submitted")
    assert values[0] == 1_000 / edges[1]
    assert ax.get_ylim()[1] < 50
    assert notes(ax) == [f"{values[0]:.0f}/s submitted"]


def test_a_slow_queue(ax: Axes) -> None:
    """Where it takes minutes to finish a task, the axis is in tasks per hour."""
    plots.throughput(table(*run_of(0, 360, "a-1", "w1", facts.SUCCEEDED)), ax)
    assert ax.get_ylabel() == "tasks per hour"
    assert ax.get_yticklabels()[-1].get_text() == "10"
    assert stairs(ax, "finished") == ([1 / 360], [0, 360])


def test_depth(ax: Axes) -> None:
    """A task waits from when it is submitted, or tried again, until it starts."""
    text = plots.depth(RETRIED, ax, maxsize=3)
    depths = [(0, 1), (1, 0), (2, 1), (3, 2), (4, 1), (5, 0), (6, 0), (8, 0), (8, 0)]
    assert line(ax, "depth") == depths
    assert [y for _, y in line(ax, "bound")] == [3, 3]
    assert words(ax) == ["waiting", "bound 3"]
    assert text == "Queue depth: 2 tasks waiting at most (after 3 s), 3 allowed, 0 at the end."


def test_depth_of_tasks_that_never_ran(ax: Axes) -> None:
    """One that is cancelled while it waits, waits no more; one that is put back does again."""
    plots.depth(
        table(
            (0, facts.SUBMITTED, "a-1", "math", None),
            (1, facts.CANCELLED, "a-1", "", None),
            *run_of(2, 3, "a-2", "w1", facts.FAILED),
            (4, facts.REVIVED, "a-2", "", None),
        ),
        ax,
    )
    # The second task was submitted before the first fact.
    assert [depth for _, depth in line(ax, "depth")] == [2, 1, 0, 0, 1, 1]
    ax.clear()
    plots.depth(table((0, facts.CANCELLED, "a-1", "", None)), ax)
    assert [depth for _, depth in line(ax, "depth")] == [0, 0]


def test_a_far_bound_is_only_named(ax: Axes) -> None:
    """A bound far above would press the line flat: it is not drawn, but the text has it."""
    text = plots.depth(RETRIED, ax, maxsize=1_000)
    assert words(ax) == ["waiting"]
    assert "1,000 allowed" in text


def test_latency(ax: Axes) -> None:
    """Each run counts: waiting from when it could start, running until it ended."""
    text = plots.latency(RETRIED, ax)
    assert {x for x, _ in line(ax, "waiting")} == {1, 2}
    assert {x for x, _ in line(ax, "running")} == {2, 3}
    assert line(ax, "waiting p50") == [(2, 0.5)]
    assert line(ax, "running p99") == [(2, 0.99)]
    assert ax.get_xlim() == (1, 10)
    assert words(ax) == ["p50, p95, p99", "waiting 2 s, 2 s, 2 s", "running 2 s, 2 s, 2 s"]
    assert text == "Latency (p50, p95, p99): waiting 2 s, 2 s, 2 s; running 2 s, 2 s, 2 s."


def test_percentiles_lie_on_the_curve(ax: Axes) -> None:
    """Each mark is where the curve has that share, and is what the monitor calls it."""
    rows: list[tuple[Any, ...]] = []
    for n in range(1_000):
        rows += run_of(n, n + (n + 1) / 1_000, f"a-{n}", "w1", facts.SUCCEEDED)
    plots.latency(table(*rows), ax)
    at, shares = zip(*line(ax, "running"), strict=True)
    for name, share, value in (("p50", 0.5, 0.5), ("p95", 0.95, 0.95), ("p99", 0.99, 0.99)):
        ((x, y),) = line(ax, f"running {name}")
        assert (x, y) == (pytest.approx(value), share)
        assert np.interp(y, shares, at) == pytest.approx(x, rel=0.002)


def test_no_latency_is_known_of_a_worker_that_died(ax: Axes) -> None:
    """When a worker died, the fact says when that was noticed: it is no running time."""
    plots.latency(table(*run_of(0, 9, "a-1", "w1", facts.RECOVERED)), ax)
    assert words(ax)[1:] == ["waiting 0.001 µs, 0.001 µs, 0.001 µs"]


def test_latency_over_time(ax: Axes) -> None:
    """A duration belongs to the step in which it was over; a step without one is a gap."""
    rows = []
    for n in range(48):
        begin = 0 if n < 24 else 60
        rows += run_of(begin + n, begin + n + (1 if n % 12 else 9), f"a-{n}", "w1", "succeeded")
    text = plots.latency_over_time(table(*rows), ax, "running")
    p50, p99 = line(ax, "p50"), line(ax, "p99")
    width = p50[1][0] - p50[0][0]
    assert p50[0][0] == pytest.approx(width / 2)
    assert {y for _, y in p50 if y == y} == {1}
    idle = [y for x, y in p50 if 35 + width / 2 < x < 85 - width / 2]
    assert idle
    assert np.isnan(idle).all()
    assert max(y for _, y in p99 if y == y) == 9
    assert ax.get_ylabel() == "s"
    assert words(ax) == ["p50", "p95", "p99"]
    assert text.startswith("Running time in steps of")
    assert "p99 from 1 s to 9 s" in text


def test_workers(ax: Axes) -> None:
    """Each run is a bar in the lane of its worker; one that did not succeed has a mark."""
    text = plots.workers(RETRIED, ax)
    assert spans(ax, "retried") == [(about(1), about(3), 0)]
    assert spans(ax, "failed") == [(about(4), about(6), 0)]
    assert spans(ax, "succeeded") == [(about(5), about(8), 1)]
    marks = sorted((float(mark.get_xdata()[0]), mark.get_color()) for mark in ax.lines)
    assert [x for x, _ in marks] == [about(3), about(6)]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["w1", "w2"]
    assert words(ax) == ["succeeded", "failed", "retried"]
    assert ax.get_xlabel() == "time since 2023-11-14 22:13:20 UTC"
    assert text == "Runs: w1 1 failed, 1 retried; w2 1 succeeded."


def test_kinds_differ_without_color(ax: Axes) -> None:
    """Failed, retried, crashed and stopped runs each have a mark of their own shape."""
    kinds = (facts.FAILED, facts.RETRIED, facts.RECOVERED, facts.CANCELLED)
    rows = []
    for n, kind in enumerate(kinds):
        rows += run_of(n, n + 1, f"a-{n}", "w1", kind)
    plots.workers(table(*rows), ax)
    shapes = {mark.get_marker().vertices.tobytes() for mark in ax.lines}  # type: ignore[union-attr]
    assert len(shapes) == len(kinds)
    assert words(ax) == ["failed", "retried", "worker crashed", "cancelled or given back"]


def test_a_task_that_still_runs(ax: Axes) -> None:
    """It is drawn up to the last fact, or to the moment that is given."""
    rows = table(
        (0, facts.SUBMITTED, "a-1", "math", None),
        (1, facts.STARTED, "a-1", "w1", 0),
        (3, facts.SUBMITTED, "a-2", "math", None),
    )
    assert plots.workers(rows, ax) == "Runs: w1 1 running."
    assert spans(ax, "running") == [(1, 3, 0)]
    ax.clear()
    plots.workers(rows, ax, until=timestamp(10))
    assert spans(ax, "running") == [(1, 10, 0)]
    assert ax.get_xlim() == (0, 10)
    ax.clear()
    assert plots.shares(rows, ax, until=timestamp(10)) == "Busy: w1 90% of the time."
    ax.clear()
    plots.workers(RETRIED, ax, until=timestamp(100))  # nothing runs there any more
    assert ax.get_xlim() == (0, 8)


def test_many_workers(ax: Axes) -> None:
    """The first 16 are drawn, in the order of their numbers; the text says how many are left."""
    rows = []
    for n in range(20):
        rows += run_of(n, n + 1, f"a-{n}", f"worker-{n}", facts.SUCCEEDED)
    text = plots.workers(table(*rows), ax)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [f"worker-{n}" for n in range(16)]
    assert text.endswith("worker-15 1 succeeded; and 4 more workers.")


def test_utilization(ax: Axes) -> None:
    """In each step, so many workers were busy on average; the mean of all is marked."""
    text = plots.utilization(RETRIED, ax)
    # Two seconds in the first half. In the second, two on one worker and three on the other.
    assert stairs(ax, "busy") == ([0.5, 1.25], [0.0, 4.0, 8.0])
    assert [y for _, y in line(ax, "mean")] == [0.875, 0.875]
    assert words(ax) == ["busy", "mean 0.875 of 2"]
    assert text.startswith("Utilization: 0.875 of 2 workers busy on average, between 0.5 and 1.25")


def test_shares(ax: Axes) -> None:
    """Each worker has a bar: the share of the time in which it was busy, in percent."""
    text = plots.shares(RETRIED, ax)
    bars = [bar.get_width() for bar in ax.patches]  # type: ignore[attr-defined]
    assert bars == [50, 37.5]
    assert notes(ax) == ["50 %", "38 %"]
    assert text == "Busy: w1 50%, w2 38% of the time."


# -- tables that are a part, or empty


def test_one_worker_of_several(ax: Axes) -> None:
    """A table of one worker's facts shows that worker."""
    assert plots.workers(RETRIED[RETRIED["who"] == "w2"], ax) == "Runs: w2 1 succeeded."
    assert spans(ax, "succeeded") == [(about(0), about(3), 0)]


def test_a_table_from_a_file(ax: Axes) -> None:
    """A table needs no columns of categories: so it may come out of a file."""
    plain = RETRIED.astype({"kind": "str", "who": "str"})
    assert plots.workers(plain, ax) == "Runs: w1 1 failed, 1 retried; w2 1 succeeded."


def test_a_run_from_before_the_table(ax: Axes) -> None:
    """A run whose start is not in the table is drawn from where the table begins."""
    later = RETRIED.iloc[6:]
    plots.workers(later, ax)
    assert spans(ax, "succeeded") == [(about(0), about(2), 1)]
    ax.clear()
    assert plots.shares(later, ax) == "Busy: w1 0%, w2 100% of the time."
    ax.clear()
    plots.latency(later, ax)
    assert line(ax, "running p50") == [(2, 0.5)]


def test_a_long_line_keeps_its_shape() -> None:
    """A line of many steps is drawn with fewer points, and none of its peaks is lost."""
    at = np.arange(300_000.0)
    level = np.random.default_rng(1).integers(0, 100, at.size).astype(float)
    level[123_456], level[234_567] = 1_000.0, -1_000.0
    x, y = thinned(at, level)
    assert len(x) <= 1_010
    points = set(zip(x.tolist(), y.tolist(), strict=True))
    assert points <= set(zip(at.tolist(), level.tolist(), strict=True))
    assert points >= {(0.0, level[0]), (123_456.0, 1_000.0), (234_567.0, -1_000.0)}
    assert (x[-1], y[-1]) == (at[-1], level[-1])
    assert (np.diff(x) > 0).all()
    short = at[:10], level[:10]
    assert thinned(*short) == short


@pytest.mark.parametrize(
    "draw",
    [
        plots.throughput,
        plots.depth,
        plots.latency,
        plots.latency_over_time,
        plots.workers,
        plots.shares,
        plots.utilization,
    ],
)
def test_nothing_to_draw(draw: Any, ax: Axes) -> None:
    """Of no fact at all, each chart says that there is nothing, on the chart and in words."""
    text = draw(RETRIED.iloc[:0], ax)
    (note,) = notes(ax)
    assert text == f"{ax.get_title('left')}: {note}."
    assert note in ("no task yet", "no task started")


# -- several days


def test_latest() -> None:
    """Of facts with pauses between them, those after the last pause are taken."""
    days = table(
        *run_of(0, 1, "a-1", "w1", facts.SUCCEEDED),
        *run_of(100_000, 100_001, "a-2", "w1", facts.SUCCEEDED),
        *run_of(100_500, 100_501, "a-3", "w1", facts.SUCCEEDED),
    )
    assert list(plots.latest(days)["id"]) == ["a-2", "a-2", "a-3", "a-3"]
    assert plots.latest(RETRIED) is RETRIED
    assert plots.latest(days.iloc[:0]).empty


def test_a_long_task_is_no_pause() -> None:
    """While a task runs, silence is no pause; unless its worker died and nobody noticed."""
    long = run_of(1, 5_000, "a-1", "w1", facts.SUCCEEDED)
    assert len(plots.latest(table(*long))) == 2
    both = [(2, facts.STARTED, "a-2", "w2", 0), (5_000, facts.SUBMITTED, "a-3", "math", None)]
    assert len(plots.latest(table(*both))) == 2
    died = table(
        *run_of(1, 5_000, "a-1", "w1", facts.RECOVERED),
        *run_of(5_001, 5_002, "a-1", "w1", facts.SUCCEEDED),
    )
    assert list(plots.latest(died)["kind"]) == ["recovered", "started", "succeeded"]


# -- the page


def test_the_page() -> None:
    """It has every chart, and says in words what they show; nothing else needs pyplot."""
    page = plots.page(RETRIED, maxsize=3, left_out=7)
    titles = [ax.get_title("left") for ax in page.axes]
    names = ["Throughput", "Queue depth", "Waiting time", "Running time", "Latency"]
    assert titles == [*names, "Utilization", "Workers", "Busy"]
    lines = page.alt.splitlines()
    assert lines[:2] == [
        "2 tasks in 8 s since 2023-11-14 22:13:20 UTC",
        "7 older facts not shown",
    ]
    assert page.get_suptitle() == "\n".join(lines[:2])
    assert len(lines) == 2 + len(page.axes)
    assert page.get_facecolor() == (1, 1, 1, 1)


@pytest.mark.slow
def test_a_notebook_shows_the_page() -> None:
    """The last value of a cell becomes a PNG that fits, with its text as metadata."""
    page = plots.page(RETRIED)
    picture = Image.open(BytesIO(page._repr_png_()))
    assert picture.format == "PNG"
    assert picture.size[0] == 1280
    assert picture.info["Description"].startswith("2 tasks in 8 s")
    assert page._repr_mimebundle_() == ({}, {"image/png": {"alt": page.alt, "width": 640}})


@pytest.mark.slow
def test_no_pyplot() -> None:
    """A page is made, shown and saved without pyplot, which would keep it alive."""
    source = """if True:
        import sys
        from taskqueue_edu import Monitor, TaskQueue
        with TaskQueue() as queue:
            Monitor(queue).plot()._repr_png_()
        print("matplotlib.pyplot" in sys.modules)
    """
    run = [sys.executable, "-c", source]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@task_type("test_plots.odd")
@dataclass(frozen=True)
class Odd:
    """Fails the first time, if it is to."""

    fails: bool

    def execute(self) -> int:
        if self.fails and current_task().attempt == 1:
            raise ValueError("once")
        return 1


@pytest.mark.slow
def test_monitor_plot(tmp_path: Path) -> None:
    """The figure of a real queue has its tasks, its retries and its bound, and can be saved."""
    with TaskQueue(maxsize=20, retry=RetryPolicy(2, delay=0)) as queue, WorkerPool(1) as pool:
        queue.submit_many([Odd(n == 0) for n in range(10)])
        pool.start_processing(queue)
        queue.join()
        page = Monitor(queue).plot()
    assert isinstance(page, Figure)
    text = page.alt
    assert text.startswith("10 tasks in ")
    assert "10 tasks waiting at most" in text
    assert "20 allowed" in text
    assert "10 succeeded, 1 retried" in text
    page.savefig(tmp_path / "run.pdf")


def test_the_figure_of_a_journal() -> None:
    """Of a journal with facts of several days, the last run is drawn; the heading says so."""
    days: list[RawFact] = []
    for day, task in enumerate(("a-1", "a-2")):
        at = day * 86_400
        days.append((facts.SUBMITTED, task, ns(at), "math", Submission("math", None, b"{}")))
        days.append((facts.STARTED, task, ns(at + 1), "w1", 1))
        days.append((facts.SUCCEEDED, task, ns(at + 2), "w1", b"1"))
    lines = Monitor(fold(days)).plot().alt.splitlines()
    assert lines[0] == "1 task in 2 s since 2023-11-15 22:13:20 UTC"
    assert lines[1] == "3 older facts not shown"


def test_the_figure_of_a_queue_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a task runs, the figure goes on until now."""
    monkeypatch.setattr(facts, "now", lambda: ns(10))
    working: list[RawFact] = [
        (facts.SUBMITTED, "a-1", ns(0), "math", Submission("math", None, b"{}")),
        (facts.STARTED, "a-1", ns(1), "w1", 1),
    ]
    lines = Monitor(fold(working)).plot().alt.splitlines()
    assert lines[0].startswith("1 task in 10 s since")
    assert lines[-1] == "Busy: w1 90% of the time."


def test_an_empty_queue_has_a_page() -> None:
    """Before the first task, the page says so."""
    with TaskQueue() as queue:
        page = Monitor(queue).plot()
    assert page.alt.splitlines()[0] == "no task yet"


def test_a_page_does_not_follow_the_style_of_the_notebook() -> None:
    """It is white also where the notebook has dark figures, and leaves that setting alone."""
    import matplotlib as mpl

    with mpl.rc_context({"figure.facecolor": "black", "text.color": "white"}):
        page = plots.page(RETRIED)
        assert mpl.rcParams["figure.facecolor"] == "black"
    assert page.get_facecolor() == (1, 1, 1, 1)
    assert {ax.title.get_color() for ax in page.axes} == {"black"}
