"""The frame of the live monitor: well-formed, honest, and readable without seeing colors."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree as ET

import pytest

from taskqueue_edu.monitor import Snapshot
from taskqueue_edu.picture.charts import age, charts, unbroken
from taskqueue_edu.picture.frame import draw
from taskqueue_edu.picture.lanes import MARKS, WORDS, View
from taskqueue_edu.picture.overview import draw_overview
from taskqueue_edu.picture.style import STYLE
from taskqueue_edu.picture.words import counts, status

from .samples import ALL, AT, BURST, BUSY, EMPTY, change, run

every_snapshot = pytest.mark.parametrize("snapshot", ALL.values(), ids=ALL)


def frame(snapshot: Snapshot) -> ET.Element:
    return ET.fromstring(draw(snapshot, View().update(snapshot)))


def text(element: ET.Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


@every_snapshot
def test_a_frame_is_well_formed(snapshot: Snapshot) -> None:
    """Every frame is XML, without a number that is none."""
    shown = draw(snapshot, View().update(snapshot))
    ET.fromstring(shown)
    assert not re.search(r"\b(nan|inf)\b", shown)


@every_snapshot
def test_every_chart_says_what_it_shows(snapshot: Snapshot) -> None:
    """Five pictures, each with the role of one, a title, and a description in words."""
    images = frame(snapshot).findall(".//svg[@role='img']")
    titles = ["Throughput", "Queue depth", "Waiting time", "Running time", "Workers"]
    assert [image.findtext("title") for image in images] == titles
    assert all(len(image.findtext("desc", "")) > 20 for image in images)


@every_snapshot
def test_nothing_is_drawn_beside_the_charts(snapshot: Snapshot) -> None:
    """Every place in percent is between 0 and 100."""
    shown = draw(snapshot, View().update(snapshot))
    places = [float(place) for place in re.findall(r'"(-?[\d.]+)%"', shown)]
    assert places
    assert 0 <= min(places) <= max(places) <= 100


def test_names_are_text_and_nothing_else() -> None:
    """Names that a task or a pool chose can't become markup."""
    evil = "<img src=x onerror='alert(1)'>&"
    snapshot = change(
        busy=(run("<b>&", 1, None)._replace(type=evil),), runs=(run(evil, 2, 1),), workers=0
    )
    shown = draw(snapshot, View().update(snapshot))
    assert "<img" not in shown
    assert "<b>&" not in shown
    assert "<b>&" in text(ET.fromstring(shown))


def test_counts_are_in_words() -> None:
    """Each count stands beside its word, in the singular where it is one."""
    assert counts(BUSY) == [
        (30, "waiting"),
        (2, "running"),
        (1_200, "succeeded"),
        (7, "failed"),
        (1, "cancelled"),
        (9, "retries"),
        (1, "crash"),
    ]
    (tiles,) = frame(BUSY).findall("./div[@class='tq-tiles']")
    assert "1,200 succeeded 7 failed 1 cancelled 9 retries 1 crash" in text(tiles)


def test_the_status_is_a_sentence() -> None:
    """The status says how far the work is, who is at it, and whether the queue is paused."""
    assert status(BUSY) == (
        "1,208 of 1,240 tasks done, 7 of them failed; 30 waiting. 2 of 3 workers busy."
    )
    assert status(EMPTY) == "No task yet: queue.submit(...) brings one. No worker."
    assert status(change(paused=True)).endswith("The queue is paused.")
    assert status(change(workers=0)).endswith("2 tasks running.")


def test_an_empty_queue_has_charts_that_say_so() -> None:
    """Where there is nothing to draw, a few words stand instead of an axis."""
    notes = [text(note) for note in frame(EMPTY).findall(".//text[@class='tq-note tq-middle']")]
    assert notes == [
        "no task yet",
        "no task yet",
        "no task started",
        "no run ended",
        "no worker yet",
    ]


def test_a_burst_leaves_the_chart() -> None:
    """Many tasks submitted at once don't flatten the rest: an arrow says how many they were."""
    throughput = charts(BURST, 5.0)[0]
    assert throughput.axis.top <= 60
    assert throughput.peak == (-3.25, 1_200.0)
    assert "1,200/s submitted" in text(frame(BURST))


def test_the_bound_is_drawn_if_the_depth_comes_near() -> None:
    """A bound within four times the depth is a line, one far above is only named."""
    assert charts(BUSY, 10.0)[1].bound == 40
    far = charts(change(maxsize=1_000), 10.0)[1]
    assert (far.bound, far.axis.top) == (0, 30)
    assert far.curves[0].value == "30 of 1,000"
    assert charts(change(maxsize=0), 10.0)[1].curves[0].value == "30"


def test_a_line_breaks_where_nothing_was_measured() -> None:
    """A gap of more than four points is left open, and a point on its own can be seen."""
    assert unbroken([(-9, 1.0), (-7, 2.0), (-4, 3.0)], 0.5) == [
        [(-9, 1.0), (-7, 2.0)],
        [(-4.25, 3.0), (-3.75, 3.0)],
    ]
    assert unbroken([(-600, 1.0), (-480, 2.0), (-0.1, 3.0)], 32.0) == [
        [(-600, 1.0), (-480, 2.0)],
        [(-16.1, 3.0), (0.0, 3.0)],
    ]
    assert unbroken([], 0.5) == []


def test_runs_differ_by_more_than_color() -> None:
    """Each kind of run has a mark, or dashes, or an outline of its own, and a legend says which."""
    shown = frame(BUSY)
    drawn = {element.get("class") for element in shown.iter()}
    assert {f"tq-{kind}" for kind in WORDS} <= drawn
    assert {f"tq-mark-{kind}" for kind in MARKS} <= drawn
    legend = shown.findall(".//div[@class='tq-legend']")[-1]
    assert text(legend) == " ".join(WORDS.values())


def test_lines_differ_by_more_than_color() -> None:
    """No two lines of one chart have the same dashes."""
    for chart in charts(BUSY, 10.0):
        dashes = [
            re.findall(rf"\.tq-{curve.look}(?:{{|,)[^}}]*stroke-dasharray:([^;}}]+)", STYLE)
            for curve in chart.curves
        ]
        assert len(set(map(str, dashes))) == len(dashes)


def test_the_theme_may_be_unknown() -> None:
    """Every variable of Jupyter's themes has a value to fall back on."""
    assert re.findall(r"var\(--jp-[\w-]+", STYLE)
    assert not re.findall(r"var\(--jp-[\w-]+\)", STYLE)


def test_letters_are_large_enough() -> None:
    """No letter is smaller than 11 pixels, and none is scaled: lengths down are in pixels."""
    sizes = [float(size) for size in re.findall(r"(?:font-size:|font:)([\d.]+)px", STYLE)]
    assert min(sizes) >= 11
    for element in frame(BUSY).iter("svg"):
        if element.get("viewBox"):
            assert not list(element.iter("text"))


def test_the_run_in_progress_is_named() -> None:
    """Beside a lane stands what its worker does now, and for how long."""
    snapshot = change(busy=(run("worker-1", 0.4, None)._replace(type="shop.orders.Bake"),))
    assert "Bake 400 ms" in text(frame(snapshot))
    assert text(frame(snapshot)).count("idle") == 2


def test_a_run_that_starts_after_the_snapshot_was_timed_is_at_the_edge() -> None:
    """The clock is read before the facts: a run that is newer has lasted no time, not less."""
    late = run("worker-1", 0, None)._replace(start=AT + 5_000)
    assert "sleep 0 µs" in text(frame(change(busy=(late,))))


def told(snapshot: Snapshot, title: str) -> list[str]:
    """Return what the columns of a chart tell, from left to right."""
    images = frame(snapshot).findall(".//svg[@role='img']")
    (image,) = (image for image in images if image.findtext("title") == title)
    return [column.get("data-tell", "") for column in image.findall(".//foreignObject//i")]


def test_each_point_is_told_under_the_pointer() -> None:
    """Each chart has a column for every point, with its time and its values in lines."""
    rates = told(BUSY, "Throughput")
    assert len(rates) == 20
    assert rates[-1] == "0.5 s ago\nfinished 18/s\nsubmitted 20/s\nfailed 2/s"
    assert rates[0].startswith("10.0 s ago")
    assert told(BUSY, "Queue depth")[-1] == "0.5 s ago\n29 waiting"
    assert told(BUSY, "Waiting time")[-1] == "0.5 s ago\np50 10 ms\np95 21 ms\np99 31 ms"
    assert told(BUSY, "Running time")[-9] == "4.5 s ago"  # nothing ended then


def test_columns_lie_where_their_points_do() -> None:
    """The columns fill what the points take up of the chart, left and right of its middle."""
    boxes = frame(BUSY).findall(".//foreignObject")[:2]
    places = [float(box.get(at, "")[:-1]) for box in boxes for at in ("x", "width")]
    assert places == [30, 20, 50, 46.67]
    looks = [box.find("div") for box in boxes]
    assert [look.get("class") for look in looks if look is not None] == [
        "tq-tell tq-left",
        "tq-tell tq-right",
    ]


def test_a_point_that_the_edge_cuts_or_that_goes_on_is_not_told() -> None:
    """All columns of a chart are equally wide, so only whole points have one."""
    cut = tuple(p._replace(at=p.at - 0.2) for p in BUSY.points)
    assert len(told(change(points=cut, seconds=10.0), "Throughput")) == 18
    under_way = (*BUSY.points[:-1], BUSY.points[-1]._replace(at=-0.8))
    assert len(told(change(points=under_way), "Throughput")) == 19


def test_each_run_is_told_under_the_pointer() -> None:
    """Beside a bar is its task, how long it ran, and how that ended; or how many runs it is."""
    lanes = frame(BUSY).findall(".//g[@class='tq-bars']")
    assert [text(lane) for lane in lanes][1] == (
        "sleep task-1: 1 s, failed sleep task-1: 2 s, cancelled or given back "
        "sleep task-1: 500 ms, succeeded"
    )
    assert "sleep task-1: 400 ms, running" in text(lanes[0])
    short = tuple(run("a", 5 - n / 1e4, 5 - n / 1e4) for n in range(7))
    shown = frame(change(runs=short, busy=(), workers=1))
    assert "7 runs, succeeded" in text(shown)
    many = tuple(run("a", n / 1e3, n / 1e3 - 5e-4) for n in range(500, 0, -1))
    crowd = frame(change(runs=many, busy=(), workers=1))
    assert crowd.find(".//g[@class='tq-bars']/line") is not None
    assert crowd.find(".//g[@class='tq-bars']/text") is None  # gone before it can be read


@pytest.mark.parametrize(("width", "seconds"), [(2.0, 300.0), (512.0, 86_400.0)])
def test_points_may_be_of_any_width(width: float, seconds: float) -> None:
    """In a window of minutes or a day, a point fills the time from the one before it."""
    points = tuple(p._replace(at=p.at * 2 * width) for p in BUSY.points)
    snapshot = change(points=points, width=width, seconds=seconds)
    throughput, _, waiting, _ = charts(snapshot, seconds)
    finished = throughput.curves[0]
    assert finished.begin == -21 * width
    assert [at for at, _ in finished.points] == [-n * width for n in range(20, 0, -1)]
    assert waiting.curves[0].points[-1][0] == -1.5 * width
    assert len(told(snapshot, "Throughput")) == 20


def test_the_window_is_named() -> None:
    """A description says of which time it is: of the last minutes, or of the whole run."""
    assert "in the last 5 minutes" in charts(BUSY, 300.0)[0].about
    assert charts(BUSY, 300.0, whole=True)[2].about.startswith("Since the first task, half")
    shown = draw(change(seconds=77.0), View().update(BUSY), whole=True)
    assert "since the first task" in shown


def test_age_is_that_of_the_first_thing_shown() -> None:
    """Nothing has no age; what happened before the window has an infinite one."""
    assert age(EMPTY) == 0
    assert age(BUSY) == 10.5
    long_ago = change(points=EMPTY.points, runs=(), busy=(), depth=0)
    assert age(long_ago) == math.inf
    assert age(change(points=EMPTY.points, runs=(), busy=())) == 0  # just submitted


@every_snapshot
def test_the_whole_run_is_a_strip(snapshot: Snapshot) -> None:
    """It is well-formed XML with a title, a description, and the window marked."""
    strip = ET.fromstring(draw_overview(snapshot, 10.0))
    assert strip.findtext(".//svg/title") == "Whole run"
    assert "The charts show the last 10 seconds." in strip.findtext(".//svg/desc", "")
    assert not re.search(r"\b(nan|inf)\b", ET.tostring(strip, "unicode"))
    (window,) = strip.findall(".//rect[@class='tq-window']")
    assert window.get("x") == "66.67%"
    assert window.get("width") == "33.33%"


def test_a_window_longer_than_the_run_is_all_of_it() -> None:
    """Then the whole strip is marked, and said to be."""
    for window in (30.0, 300.0, math.inf):
        strip = ET.fromstring(draw_overview(BUSY, window))
        assert "shown: all of it" in text(strip)
        (marked,) = strip.findall(".//rect[@class='tq-window']")
        assert (marked.get("x"), marked.get("width")) == ("0.00%", "100.00%")
