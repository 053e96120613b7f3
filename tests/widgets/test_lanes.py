"""Bars and marks of the workers' lanes."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from taskqueue_edu import facts
from taskqueue_edu.monitor import KEPT_RUNS
from taskqueue_edu.picture.lanes import KINDS, MARKS, MOST, WORDS, View, bars, known, label, marks

from .samples import AT, BUSY, CROWD, EMPTY, SECOND, change, run


def test_a_bar_lies_where_its_run_did() -> None:
    """Left and right are percent of the time shown; a run that began before it is cut off."""
    lanes, counts = bars([run("a", 20, 7.5), run("a", 5, 2.5)], AT, 10.0)
    (first, second) = lanes["a"]
    assert [first.left, first.right] == pytest.approx([0, 25], abs=0.2)
    assert [second.left, second.right] == pytest.approx([50, 75], abs=0.2)
    assert counts == {"succeeded": 2}


def test_runs_before_the_time_shown_have_no_bar() -> None:
    """A run that ended before the lane begins is neither drawn nor counted."""
    lanes, counts = bars([run("a", 12, 10.5), run("a", 9, 8)], AT, 10.0)
    assert len(lanes["a"]) == counts.total() == 1


def test_short_runs_of_one_kind_share_a_bar() -> None:
    """However many runs end, a lane holds at most as many bars as a screen can show."""
    many = [run("a", 10 - n / 200, 10 - n / 200 - 0.005) for n in range(1, 1_999)]
    lanes, counts = bars(many, AT, 10.0)
    assert counts["succeeded"] == 1_998
    assert len(lanes["a"]) == 1
    failed = [
        other._replace(outcome=facts.FAILED) if n == 900 else other for n, other in enumerate(many)
    ]
    lanes, _ = bars(failed, AT, 10.0)
    assert [bar.kind for bar in lanes["a"]] == ["succeeded", "failed", "succeeded"]


def test_every_end_of_a_run_has_a_look_of_its_own() -> None:
    """Each fact that ends a run has a kind, and each kind a word and, but for success, a mark."""
    ends = {*facts.KINDS} - {facts.SUBMITTED, facts.STARTED, facts.REVIVED}
    assert set(KINDS) == ends
    assert set(KINDS.values()) | {"running"} == set(WORDS)
    assert set(MARKS) == set(WORDS) - {"running", "succeeded"}
    assert len(set(map(str, MARKS.values()))) == len(MARKS)


def _random_runs() -> list[tuple[float, str]]:
    source = random.Random(7)
    ends = sorted((source.uniform(0.1, 20) for _ in range(300)), reverse=True)
    return [(end, source.choice(list(KINDS))) for end in ends]


def test_no_mark_hides_another() -> None:
    """Two marks in a lane are at least 1.8 percent of the width apart."""
    lanes, _ = bars([run("a", end + 0.01, end, kind) for end, kind in _random_runs()], AT, 10.0)
    places = sorted(place for place, _ in marks(lanes["a"], AT, 10.0))
    assert len(places) > 20
    assert min(b - a for a, b in pairwise(places)) >= 1.8


def test_marks_move_and_do_not_flicker() -> None:
    """A mark of one frame is in the next, until it is near the edge where it leaves."""
    frames = []
    for later in (0.0, 0.2, 0.4, 1.0):
        at = AT + round(later * SECOND)
        runs = [run("a", end + 0.01, end, kind) for end, kind in _random_runs()]
        lanes, _ = bars(runs, at, 10.0)
        shown = [(place, kind) for place, kind in marks(lanes["a"], at, 10.0)]
        frames.append({(round((100 - p) / 10 - later, 4), kind) for p, kind in shown})
    settled = [{(before, kind) for before, kind in frame if before < 8.5} for frame in frames]
    assert settled[0] == settled[1] == settled[2] == settled[3]


def test_a_crash_is_marked_rather_than_a_retry_beside_it() -> None:
    """Where two marks would hide each other, the graver one is drawn."""
    for pair in ((facts.RETRIED, facts.DIED), (facts.DIED, facts.RETRIED)):
        runs = [run("a", 5.01, 5.0, pair[0]), run("a", 4.99, 4.98, pair[1])]
        lanes, _ = bars(runs, AT, 10.0)
        assert [kind for _, kind in marks(lanes["a"], AT, 10.0)] == ["crashed"]


def test_lanes_are_in_the_order_in_which_people_count() -> None:
    """worker-2 comes before worker-10, and names without a number are fine too."""
    view = View()
    assert view.update(BUSY).names == ["worker-1", "worker-2", "worker-10"]
    odd = change(runs=(run("9", 2, 1), run("me", 2, 1), run("", 2, 1)), busy=(), workers=0)
    assert sorted(View().update(odd).names) == ["", "9", "me"]


def test_a_lane_stays_while_its_worker_is_idle() -> None:
    """A worker that ran something before keeps its lane; one that left the pool loses it."""
    view = View()
    view.update(BUSY)
    idle = change(runs=(), busy=())
    assert view.update(idle).names == ["worker-1", "worker-2", "worker-10"]
    assert len(view.update(change(runs=(), busy=(), workers=1)).names) == 1
    assert view.update(change(runs=(), busy=(), workers=0)).names == []


def test_workers_that_ran_nothing_have_a_lane() -> None:
    """A pool of three that has only begun has three lanes."""
    assert View().update(change(runs=(), busy=())).names == ["", "", ""]
    assert label("") == "new"
    assert View().update(EMPTY).names == []


def test_a_crowd_of_runs_is_seen_from_nearer() -> None:
    """With more runs than can be told apart, the lanes look back less, and not to and fro."""

    def dense(per_second: int) -> float:
        runs = tuple(
            run("a", n / per_second + 1e-4, n / per_second) for n in range(per_second * 12, 0, -1)
        )
        return view.update(change(runs=runs, busy=(), workers=1)).seconds

    view = View()
    assert dense(3) == 30
    assert dense(4) == 30  # 48 runs in a lane: they may stay
    assert dense(6) == 10
    assert dense(4) == 10  # they may not come back yet
    assert dense(3) == 30


def test_lanes_show_only_time_of_which_all_runs_are_kept() -> None:
    """A monitor keeps the newest 2,000 runs: before them a lane would look idle, and was not."""
    runs = tuple(run("a", n / 1e5 + 0.5, n / 1e5 + 0.5) for n in range(KEPT_RUNS, 0, -1))
    assert known(change(runs=runs)) == pytest.approx(0.52)
    assert known(BUSY) == 30.0
    assert View().update(change(runs=runs)).seconds <= 0.52
    assert len(View().update(CROWD).names) > MOST
