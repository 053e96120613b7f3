"""LiveMonitor.replay: a run that is over, played again."""

from __future__ import annotations

import gc
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from ipywidgets import Widget

from taskqueue_edu import LiveMonitor, Monitor, StorageError, TaskQueue, WorkerPool
from taskqueue_edu.recording import Recording
from taskqueue_edu.widgets import final, player, screen
from taskqueue_edu.widgets.player import Player
from taskqueue_edu.workloads import SleepTask

WAIT = 10.0


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that players go by."""
    clock = Clock()
    monkeypatch.setattr(player, "time", clock)
    return clock


@pytest.fixture(autouse=True)
def widgets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close all widgets after the test, and let a last picture cost nothing."""
    monkeypatch.setattr(final, "draw_final", lambda snapshot, seconds: b"a picture")
    yield
    Widget.close_all()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of a run of 40 tasks."""
    path = tmp_path_factory.mktemp("replay") / "run.jsonl"
    with TaskQueue() as queue, WorkerPool(2) as pool:
        queue.submit_many([SleepTask(0.01)] * 40)
        pool.start_processing(queue)
        queue.join()
        Monitor(queue).save(path)
    return path


def done(player: Player) -> int:
    """Return how many tasks have ended at the moment that is shown."""
    return player.monitor.snapshot(math.inf).totals["succeeded"]


@pytest.fixture
def played(log: Path, clock: Clock) -> Player:
    """A player of the run, twice as fast, at its start, with its widgets."""
    found = Player(Recording.load(log), 2.0)
    assert found.box.children
    return found


def test_it_plays_at_its_speed(played: Player, clock: Clock) -> None:
    """After half of the time, at twice the speed, it is at the end, and stands still."""
    assert done(played) == 0
    clock.now = played.seconds / 4
    played.step()
    assert 0 < done(played) < 40
    assert played.slider.value == 500
    clock.now = played.seconds
    played.step()
    assert done(played) == 40
    assert not played.playing
    assert played.play.description == "Play"


def test_it_pauses_and_goes_on(played: Player, clock: Clock) -> None:
    """Time that passes during a pause is not played."""
    played.play.click()
    clock.now = 100.0
    played.step()
    assert (done(played), played.slider.value) == (0, 0)
    assert played.play.description == "Play"
    played.play.click()
    clock.now += played.seconds / 4
    played.step()
    assert played.slider.value == 500


def test_one_can_go_anywhere(played: Player) -> None:
    """The slider chooses the moment, also one that is past, and so do the buttons beside it."""
    played.play.click()
    counted = []
    for place in (1_000, 500, 750, 0):
        played.slider.value = place
        played.step()
        counted.append(done(played))
    assert counted[0] == 40
    assert 0 == counted[3] < counted[1] < counted[2] < 40
    played.on.click()
    played.on.click()
    played.back.click()
    played.step()
    assert 50 <= played.slider.value <= 125  # a round time, of which at most 20 are the whole


def test_what_a_browser_says_back_is_no_move(played: Player, clock: Clock) -> None:
    """It answers, perhaps late, with a place that it was told; the same place later is a wish."""
    for _ in range(3):
        clock.now += played.seconds / 8
        played.step()
    assert played.slider.value == 750
    played.slider.value = 500
    played.step()
    assert played.slider.value == 750
    played.play.click()
    clock.now += 2.0
    played.slider.value = 500
    played.step()
    assert played.slider.value == 500


def test_at_the_end_play_begins_anew(played: Player, clock: Clock) -> None:
    """The button that plays starts over when there is nothing left."""
    clock.now = 100.0
    played.step()
    played.play.click()
    played.step()
    assert (done(played), played.playing) == (0, True)


def test_the_speed_can_be_chosen(played: Player, clock: Clock) -> None:
    """What passes from then on is played at the new speed."""
    played.speed.value = 0.25
    clock.now = played.seconds
    played.step()
    assert played.slider.value == 250


@pytest.mark.parametrize("speed", [0, -1, math.inf, math.nan])
def test_the_speed_is_checked(log: Path, speed: float) -> None:
    """A speed that can't be is refused at once."""
    with pytest.raises(ValueError, match="expected a positive number"):
        LiveMonitor.replay(log, speed)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    """A file that is missing is an error of storage."""
    with pytest.raises(StorageError):
        LiveMonitor.replay(tmp_path / "nothing")


def test_a_replay_is_live_until_it_is_stopped(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its frames follow the recording; at the end it stands; `stop` leaves no thread, no widget."""
    made: list[Any] = []
    box = screen.VBox
    monkeypatch.setattr(screen, "VBox", lambda *a: made.append(box(*a)) or made[-1])
    seen = threading.Event()
    with LiveMonitor.replay(log, speed=20.0) as monitor:
        (shown,) = made
        line = shown.children[-1]
        all_done = "40 of 40 tasks done"
        line.observe(lambda c: seen.set() if all_done in c["new"] else None, "value")
        if all_done in line.value:
            seen.set()
        assert seen.wait(WAIT)
        assert ET.fromstring(shown.children[-2].value).findtext(".//svg/title") == "Throughput"
    assert monitor.summary().startswith("tasks: 40 succeeded")
    assert not any(t.name == "taskqueue-live-monitor" for t in threading.enumerate())
    del monitor
    gc.collect()
