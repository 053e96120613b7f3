"""`taskqueue watch`: what it shows, at which width, of which journal."""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from cli_terminal import COMMAND, Terminal
from rich.console import Console
from widgets.samples import BUSY, EMPTY

from taskqueue_edu import Monitor, TaskQueue, TaskStatus
from taskqueue_edu.cli.screen import Failure, Screen
from taskqueue_edu.cli.watch import frame
from taskqueue_edu.executor import run_task
from taskqueue_edu.journal import FollowedJournal
from taskqueue_edu.monitor import Snapshot
from taskqueue_edu.workloads import FlakyTask, MathTask

WORSE = Failure("a1b2-7", "fetch", "ConnectionError: \x1b[2J[bold]no[/bold] route")


def drawn(
    snapshot: Snapshot,
    failures: Sequence[Failure] = (),
    *,
    width: int = 80,
    height: int = 24,
    encoding: str = "utf-8",
) -> list[str]:
    """Return the lines of a screen of that size."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width, height=height, color_system=None, highlight=False)
    console.print(Screen("jobs", snapshot, failures))
    file.flush()
    return file.buffer.getvalue().decode(encoding).splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize("height", [5, 24, 50])
@pytest.mark.parametrize("width", [20, 44, 60, 80, 200])
@pytest.mark.parametrize("snapshot", [EMPTY, BUSY])
def test_it_fits(snapshot: Snapshot, width: int, height: int) -> None:
    """No line is wider than the terminal, and there are no more than it has."""
    lines = drawn(snapshot, [WORSE] * 5, width=width, height=height)
    assert max(map(len, lines)) <= width
    assert len(lines) <= height


def test_what_it_says() -> None:
    """Counts, rates, depth, percentiles, workers and failures are there, in that order."""
    text = "\n".join(drawn(BUSY, [WORSE], height=40))
    parts = ["jobs  the last", "waiting", "finished   ", "submitted  ", "depth   ", "p50", "p99"]
    parts += ["workers  ", "busy", "failed   ", "x  a1b2-7  fetch  ConnectionError"]
    places = [text.index(part) for part in parts]
    assert places == sorted(places), text
    for run in BUSY.busy:
        assert re.search(rf"  {run.worker} .* {run.type}  {run.task_id}", text)


def test_text_of_tasks_is_text() -> None:
    """Control characters of a message are spelled out, and its brackets are no markup."""
    text = "\n".join(drawn(EMPTY, [WORSE], width=120))
    assert r"\x1b[2J[bold]no[/bold] route" in text
    assert "\x1b" not in text


def test_bars() -> None:
    """The highest bar stands for the highest point; a terminal without blocks gets others."""
    points = tuple(replace_point(point, finished=n % 4) for n, point in enumerate(EMPTY.points, 1))
    totals = EMPTY.totals | {"submitted": 60}
    snapshot = replace(EMPTY, points=points, totals=totals)
    (line,) = [line for line in drawn(snapshot) if line.endswith(" 3/s")]
    assert {"▁", "█"} <= set(line)
    (plain,) = [line for line in drawn(snapshot, encoding="ascii") if line.endswith(" 3/s")]
    assert set(plain[11:-4]) <= set("_.:-=+*#")


def replace_point(point: object, **changes: float) -> object:
    return point._replace(**changes)  # type: ignore[attr-defined]


def test_nobody_works() -> None:
    """If tasks wait and no worker was seen, it says how to run them."""
    counts = EMPTY.counts | {TaskStatus.PENDING: 3}
    text = "\n".join(drawn(replace(EMPTY, depth=3, counts=counts)))
    assert "none: taskqueue work jobs runs what waits" in text


def test_many_workers_leave_place_for_failures() -> None:
    """Of more than eight busy workers the first eight are shown if tasks have failed."""
    busy = tuple(BUSY.busy[0]._replace(worker=f"worker-{n}") for n in range(20, 0, -1))
    lines = drawn(replace(BUSY, busy=busy), [WORSE], height=60)
    shown = [line.split()[0] for line in lines if line.startswith("  worker-")]
    assert shown == [f"worker-{n}" for n in range(1, 9)]
    assert "  and 12 more" in lines
    assert any(line.startswith("x  a1b2-7") for line in lines)


def step(queue: TaskQueue) -> None:
    run = queue.dispatcher.claim("me")
    assert run is not None
    queue.dispatcher.settle(run, *run_task(run))


def test_the_last_failures() -> None:
    """The five newest failures are told with their reasons, the newest first, each task once."""
    with closing(TaskQueue.open("jobs")) as queue:
        bad = queue.submit_many([MathTask("divide", (1, 0))] * 7)
        for _ in bad:
            step(queue)
        queue.revive(bad[6])
        step(queue)
        with closing(FollowedJournal("jobs")) as journal:
            found = frame(journal, Monitor(journal)).failures
    assert [one.task_id for one in found] == bad[6:1:-1]
    assert all(one.why for one in found)
    assert {one.type for one in found} == {"math"}


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "watch", *words], capture_output=True, text=True, encoding="utf-8", timeout=60
    )


@pytest.mark.slow
def test_a_pipe_gets_one_frame() -> None:
    """Without a terminal it prints one frame, of the owner's own counts, and ends."""
    with closing(TaskQueue.open("jobs")) as queue:
        queue.submit(FlakyTask(0))
        queue.submit(FlakyTask(0))
        step(queue)
        done = run("jobs", "--window", "inf")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 waiting" in done.stdout
    assert "1 succeeded" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.slow
def test_no_folder() -> None:
    """A folder without a journal is one clear error."""
    Path("empty").mkdir()
    done = run("empty")
    assert done.returncode == 3
    assert "there is no journal in empty" in done.stderr
    assert run("nowhere").returncode == 2
    assert run("empty", "--window", "1").returncode == 2


@pytest.mark.slow
def test_in_a_terminal() -> None:
    """It follows the journal until Ctrl-C, and leaves the terminal as it was."""
    with closing(TaskQueue.open("jobs")) as queue:
        queue.submit(FlakyTask(0))
        terminal = Terminal("watch", "jobs")
        try:
            terminal.read_until(r"1\x1b\[0m waiting")
            step(queue)
            terminal.read_until(r"1\x1b\[0m succeeded")
            terminal.ctrl_c()
            assert terminal.end() == 130
        finally:
            terminal.close()
    assert terminal.text.rindex("\x1b[?1049l") > terminal.text.rindex("\x1b[?1049h")
    assert "Traceback" not in terminal.text


@pytest.mark.slow
def test_the_owner_may_go(tmp_path: Path) -> None:
    """It goes on when the owner compacts the journal, ends, and another one takes over."""
    with closing(TaskQueue.open("jobs")) as queue:
        queue.submit_many([FlakyTask(0)] * 3)
        step(queue)
        with closing(FollowedJournal("jobs")) as journal:
            monitor = Monitor(journal)
            assert frame(journal, monitor).snapshot.depth == 2
            queue.compact()
            assert frame(journal, monitor).snapshot.depth == 2
            queue.close()
            with closing(TaskQueue.open("jobs")) as later:
                step(later)
                snapshot = frame(journal, monitor).snapshot
    assert snapshot.depth == 1
    assert snapshot.totals["succeeded"] == 2
