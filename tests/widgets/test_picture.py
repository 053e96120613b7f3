"""The frame of the live monitor: well-formed, honest, and readable without seeing colors."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from taskqueue_edu.monitor import Snapshot
from taskqueue_edu.picture.charts import charts, unbroken
from taskqueue_edu.picture.frame import draw
from taskqueue_edu.picture.lanes import MARKS, WORDS, View
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
