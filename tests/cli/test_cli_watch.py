"""`taskqueue watch`: what the screen shows, and how the command runs in a terminal."""

from __future__ import annotations

import math
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_terminal import Terminal

from taskqueue_edu import TaskQueue, WorkerPool, facts, files
from taskqueue_edu.cli.screen import Failure, View, screen, sparkline
from taskqueue_edu.cli.watched import Watched
from taskqueue_edu.monitor import Point, Run, Snapshot
from taskqueue_edu.sketch import Percentiles
from taskqueue_edu.task import TaskStatus
from taskqueue_edu.workloads import FlakyTask, MathTask

SECOND = 1_000_000_000
NOW = 1_000 * SECOND
NONE = Percentiles(math.nan, math.nan, math.nan)
SOME = Percentiles(0.0123, 0.234, 3.45)
KINDS = (facts.SUCCEEDED, facts.FAILED, facts.RETRIED, facts.DIED, facts.RELEASED)


def view(workers: int = 4, failures: int = 5, **changes: Any) -> View:
    """A minute of a busy queue."""
    points = tuple(
        Point((n - 119) / 2, 10.0, float(n % 7), 0.0, n, SOME if n > 60 else NONE, SOME)
        for n in range(120)
    )
    runs = tuple(
        Run(f"worker-{1 + n % workers}", f"a-{n}", "math", 0, NOW - SECOND + n, KINDS[n % 5])
        for n in range(40)
    )
    busy = tuple(
        Run(f"worker-{n + 1}", f"b-{n}", "crawl", NOW - SECOND, 0, "") for n in range(workers - 1)
    )
    snapshot = Snapshot(
        at=NOW,
        seconds=60.0,
        width=0.5,
        counts={**dict.fromkeys(TaskStatus, 0), TaskStatus.PENDING: 1_234},
        totals={**dict.fromkeys(facts.KINDS, 0), facts.FAILED: 7, facts.RETRIED: 1},
        throughput=3.0,
        arrivals=10.0,
        waiting=SOME,
        running=SOME,
        depth=1_234,
        maxsize=0,
        paused=False,
        workers=workers,
        busy=busy,
        runs=runs,
        points=points,
    )
    bad = [
        Failure(NOW, ("failed", "retried", "crashed")[n % 3], f"c-{n}", "math", f"why {n}")
        for n in range(failures)
    ]
    values = {"folder": "jobs", "snapshot": snapshot, "owner": "process 7", "failures": bad}
    return View(**{**values, **changes})


def text(shown: View, width: int = 80, height: int = 24) -> str:
    return "\n".join(line.plain.rstrip() for line in screen(shown, width, height))


@pytest.mark.parametrize("workers", [1, 4, 40])
@pytest.mark.parametrize("failures", [0, 1, 20])
def test_a_frame_fits_the_terminal(workers: int, failures: int) -> None:
    """No line is wider than the terminal, and there are no more than it has."""
    shown = view(workers, failures)
    for width in (20, 40, 60, 80, 200):
        for height in (1, 5, 12, 24, 60):
            lines = screen(shown, width, height)
            assert len(lines) <= height
            assert max(line.cell_len for line in lines) <= width


def test_80_columns_have_all_of_it() -> None:
    """A usual terminal shows the owner, counts, curves, workers and failures."""
    shown = text(view(inbox=3))
    for part in (
        "jobs  at work: process 7",
        "1,234 waiting (3 in the inbox)",
        "7 failed",
        "1 retry",
        "3.0/s",
        "peak 6/s",
        "p95 234 ms",
        "p50 12.3 ms",
        "p99 3.45 s",
        "last 60 s",
        "4 workers, 3 busy",
        "1 s  crawl b-0",
        "idle",
        "Last failures",
        "why 4",
    ):
        assert part in shown


def test_what_matters_most_stays() -> None:
    """With fewer lines, failures go first, then workers, then curves; the counts stay."""
    low = text(view(), height=13)
    assert "Last failures" not in low
    assert "worker-1" in low
    lower = text(view(), height=7)
    assert "worker-1" not in lower
    assert "depth" in lower
    assert text(view(), height=2).splitlines()[1].startswith("1,234 waiting")


def test_narrow_curves_keep_one_number() -> None:
    """Where numbers would leave no room for a curve, p99 goes first, p95 last."""
    assert "p99" in text(view(), width=60)
    narrow = text(view(), width=50)
    assert "p99" not in narrow
    assert "p50" in narrow
    narrower = text(view(), width=36)
    assert "p50" not in narrower
    assert "p95" in narrower


def test_many_workers_leave_room_for_failures() -> None:
    """Workers without a line are counted, and a few failures are shown all the same."""
    shown = text(view(40))
    assert "Last failures" in shown
    assert "more" in shown
    lines = shown.splitlines()
    (left,) = [line for line in lines if line.startswith("... and ")]
    assert int(left.split()[2]) + sum(line.startswith("worker-") for line in lines) == 40


def test_outcomes_differ_without_color() -> None:
    """How a run ended has a mark of its own, and a failure is named by its kind."""
    shown = text(view())
    (legend,) = [line for line in shown.splitlines() if "succeeded  X failed" in line]
    assert legend.endswith(". succeeded  X failed  r retried  ! crashed  - stopped")
    (line,) = [line for line in shown.splitlines() if line.startswith("worker-1 ")]
    assert set(".Xr!-") <= set(line)
    for kind in ("failed ", "retried", "crashed"):
        assert f"  {kind}  math" in shown


def test_nobody_at_work() -> None:
    """Without an owner, the tasks that it left are not called busy."""
    shown = text(view(owner=""))
    assert "nobody is at work" in shown
    assert "3 at work when the process ended" in shown
    assert "busy" not in shown
    assert "taskqueue work jobs runs what waits" in shown


def test_text_of_tasks_can_do_no_harm() -> None:
    """What a task or an error says is one line, without control characters or markup."""
    evil = "\x1b]0;title\x07[red]\n\x9b2J\r"
    bad = [Failure(NOW, "failed", evil, evil, evil)]
    shown = replace(view(), folder=evil, owner=evil, failures=bad)
    lines = screen(shown, 200, 40)
    assert all(line.plain.isprintable() for line in lines)
    assert r"\x1b]0;title\x07[red] \x9b2J" in text(shown, 200, 40)


def test_a_sparkline_starts_at_zero() -> None:
    """Bars are in proportion, to the greatest value; what has no value has no bar."""
    assert sparkline([0.0, 4.0, 8.0, math.nan]) == ["▁▄▇ "]
    assert sparkline([4.0, 8.0], 2) == [" ▇", "██"]
    assert sparkline([0.0, 0.0]) == ["▁▁"]
    assert sparkline([]) == [""]


def test_a_terminal_without_blocks() -> None:
    """Where the encoding has no blocks, bars are made of ASCII characters."""
    shown = screen(view(), 80, 40, ascii_only=True)
    assert all(line.plain.isascii() for line in shown)


def test_once_prints_a_frame(call: Callable[..., Any]) -> None:
    """In a pipe, or with --once, one frame is printed, without escape sequences."""
    with TaskQueue.open("jobs") as queue, WorkerPool(2) as pool:
        pool.start_processing(queue)
        queue.submit_many([MathTask("sum", (1, 2))] * 5)
        queue.join()
        found = call("watch", "jobs")
        assert f"at work: process {os.getpid()} on " in found.stdout
    assert found.exit_code == 0
    assert "5 succeeded" in found.stdout
    assert "\x1b" not in found.stdout
    after = call("watch", "jobs", "--once", "--window", "inf")
    assert "nobody is at work" in after.stdout


def test_a_folder_with_an_inbox_only(call: Callable[..., Any]) -> None:
    """Tasks that nobody has taken in yet are waiting, in the inbox."""
    call("submit", "jobs", "math", "operation=sum", "operands=[1]")
    assert "1 waiting (1 in the inbox)" in call("watch", "jobs").stdout


def test_clear_errors(call: Callable[..., Any]) -> None:
    """A missing folder, one without a journal, and a window of no time are told apart."""
    assert "does not exist" in call("watch", "nowhere").stderr
    Path("empty").mkdir()
    found = call("watch", "empty")
    assert (found.exit_code, "no journal" in found.stderr) == (3, True)
    assert call("watch", "empty", "--window", "0").exit_code == 2
    assert call("watch", "empty", "--window", "nan").exit_code == 2


@pytest.mark.slow
@pytest.mark.parametrize("end", ["q", "\x03"])
def test_in_a_terminal(terminal: Callable[..., Terminal], end: str) -> None:
    """It shows what happens while it looks; q or Ctrl-C ends it, the terminal as it was."""
    with TaskQueue.open("jobs") as queue, WorkerPool(1) as pool:
        watching = terminal("watch", "jobs")
        watching.read_until("0 succeeded")
        pool.start_processing(queue)
        queue.submit(MathTask("sum", (1, 2)))
        queue.submit(MathTask("nope", (1,)))
        watching.read_until("1 failed")
        watching.read_until("ValueError|InvalidTask|nope")
        os.write(watching._terminal, end.encode())
        assert watching.end() == 0
    assert watching.text.rstrip().endswith(("\x1b[?1049l", "\x1b[?25h"))
    assert "\x1b[?1049l" in watching.text
    assert "\x1b[?25h" in watching.text


@pytest.mark.slow
def test_sigterm_leaves_the_terminal_in_order(terminal: Callable[..., Terminal]) -> None:
    """Stopped by SIGTERM, it leaves the other screen first; its exit code is 143."""
    TaskQueue.open("jobs").close()
    watching = terminal("watch", "jobs")
    watching.read_until("nobody is at work")
    os.kill(watching.pid, signal.SIGTERM)
    assert watching.end() == 143
    assert "\x1b[?1049l" in watching.text


@pytest.mark.slow
def test_another_process_writes(execute: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """A watch goes on over the runs of other processes, and a compaction."""
    execute("run", "math", "--n", "20", "--store", "jobs")
    with closing(Watched(Path("jobs"), 60.0)) as watched:
        assert watched.changed()
        assert "20 succeeded" in text(watched.view())
        execute("compact", "jobs")
        execute("submit", "jobs", "math", "operation=nope", "operands=[1]")
        assert watched.changed()
        assert watched.view().inbox == 1
        execute("work", "jobs", "--until-empty")
        assert watched.changed()
        shown = watched.view()
        assert "20 succeeded" in text(shown)
        assert [failure.kind for failure in shown.failures] == ["failed"]
        assert shown.inbox == 0


def test_nothing_new_is_no_frame() -> None:
    """Where nothing happens, there is nothing to draw."""
    TaskQueue.open("jobs").close()
    with closing(Watched(Path("jobs"), 60.0)) as watched:
        watched.changed()
        watched.view()
        watched.changed()
        assert not watched.changed()


def test_failures_of_before_and_after() -> None:
    """Failures from before the watch and during it are listed once each, newest first."""
    with TaskQueue.open("jobs") as queue, WorkerPool(1) as pool:
        pool.start_processing(queue)
        first = queue.submit(MathTask("nope", (1,)))
        queue.join()
        with closing(Watched(Path("jobs"), 60.0)) as watched:
            watched.view()
            second = queue.submit(MathTask("nope", (2,)))
            third = queue.submit(FlakyTask(1))
            queue.join()
            found = [(f.task_id, f.kind) for f in watched.view().failures]
    assert found == [(third, "retried"), (second, "failed"), (first, "failed")]


def test_who_owns_a_folder(tmp_path: Path) -> None:
    """The owner is named while it has the lock, and only then; asking takes no lock."""
    assert files.owner(tmp_path) == ""
    lock = files.FolderLock(tmp_path)
    assert files.owner(tmp_path).startswith(f"process {os.getpid()} on ")
    lock.release()
    assert files.owner(tmp_path) == ""
    (tmp_path / "lock").write_text("[1]")
    assert files.owner(tmp_path) == ""
