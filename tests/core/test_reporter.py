"""The reporter: progress on one line."""

from __future__ import annotations

import io
import sys
import threading
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from taskqueue_edu import Monitor, TaskQueue, TaskStatus, WorkerPool, facts, reporter
from taskqueue_edu.monitor import Run, Snapshot
from taskqueue_edu.reporter import Reporter, progress_line
from taskqueue_edu.sketch import Percentiles

NAN = float("nan")


@dataclass(frozen=True)
class Quick:
    """A task that ends at once."""

    fails: bool = False

    def execute(self) -> None:
        if self.fails:
            raise ValueError


class Terminal(io.StringIO):
    """A stream that says it is a terminal, and tells when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Semaphore(0)

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        count = super().write(text)
        self.written.release()
        return count


def snapshot(**changes: Any) -> Snapshot:
    totals = dict.fromkeys(facts.KINDS, 0)
    totals.update(changes.pop("totals", {}))
    values: dict[str, Any] = {
        "at": 0,
        "seconds": 30.0,
        "width": 0.5,
        "counts": dict.fromkeys(TaskStatus, 0),
        "totals": totals,
        "throughput": 0.0,
        "arrivals": 0.0,
        "waiting": Percentiles(NAN, NAN, NAN),
        "running": Percentiles(NAN, NAN, NAN),
        "depth": 0,
        "maxsize": 0,
        "paused": False,
        "workers": 0,
        "busy": (),
        "runs": (),
        "points": (),
    }
    return Snapshot(**{**values, **changes})


def test_a_line_without_a_total() -> None:
    """Without a total the line says how much is done, waits and runs."""
    assert progress_line(snapshot()) == "0 done | 0 waiting | 0/0 busy | 0.0/s"
    busy = (Run("w1", "a-1", "math", 0, 0, ""),)
    line = progress_line(
        snapshot(totals={"succeeded": 1_200}, depth=1_500, workers=4, busy=busy, throughput=99.95)
    )
    assert line == "1,200 done | 1,500 waiting | 1/4 busy | 100.0/s"


def test_a_line_with_a_total() -> None:
    """With a total the line has the share that is done, and an estimate of what is left."""
    line = progress_line(
        snapshot(
            totals={"succeeded": 40, "failed": 5, "died": 1, "cancelled": 4, "revived": 2},
            throughput=10.0,
            running=Percentiles(0.123, NAN, NAN),
            paused=True,
        ),
        100,
    )
    assert line == (
        "48/100 done (48%) | 4 failed | 0 waiting | 0/0 busy | 10.0/s | 5.2 s left | paused"
    )


def test_a_line_with_a_latency() -> None:
    """Once a task has run, the line ends with the 95th percentile of the runs."""
    line = progress_line(snapshot(running=Percentiles(0.123, 0.2, 0.3)))
    assert line.endswith("0.0/s | p95 200 ms")


def test_no_estimate_where_there_is_none() -> None:
    """Nothing is estimated without throughput, nor once all is done."""
    assert "left" not in progress_line(snapshot(totals={"succeeded": 1}), 2)
    assert "left" not in progress_line(snapshot(totals={"succeeded": 2}, throughput=1.0), 2)
    assert progress_line(snapshot(), 0).startswith("0/0 done | ")


def test_forgotten_tasks_count() -> None:
    """Tasks that are no longer kept are done all the same."""
    with TaskQueue(retain=3) as queue, WorkerPool(2) as pool:
        pool.start_processing(queue)
        queue.submit_many([Quick()] * 10)
        queue.join()
        assert progress_line(Monitor(queue).snapshot(), 10).startswith("10/10 done (100%) | ")


def test_a_file_gets_the_last_line_only() -> None:
    """Where a line can't be written over, only the last one is written."""
    stream = io.StringIO()
    with TaskQueue() as queue, WorkerPool(2) as pool:
        pool.start_processing(queue)
        with Reporter(queue, total=3, stream=stream):
            queue.submit_many([Quick(), Quick(), Quick(fails=True)])
            queue.join()
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("3/3 done (100%) | 1 failed | 0 waiting | 0/2 busy | ")


def test_a_terminal_is_updated(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal each line takes the place of the one before, with what has room."""
    monkeypatch.setattr(reporter, "INTERVAL", 0.01)
    monkeypatch.setenv("COLUMNS", "31")
    monkeypatch.setenv("LINES", "24")
    stream = Terminal()
    with TaskQueue() as queue:
        with Reporter(queue, total=1, stream=stream):
            assert stream.written.acquire(timeout=20)
            assert stream.written.acquire(timeout=20)
        assert [thread.name for thread in threading.enumerate()].count("taskqueue-reporter") == 0
    first, *others = stream.getvalue().split("\r\x1b[2K")
    assert first == ""
    assert len(others) >= 3
    assert all(len(line.rstrip("\n")) <= 30 for line in others)
    assert others[0] == "0/1 done (0%) | 0 waiting"
    assert [line.endswith("\n") for line in others] == [False] * (len(others) - 1) + [True]


def test_a_notebook_has_a_label(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a notebook the line is the text of a label under the cell, and nothing is printed."""
    label = SimpleNamespace(value="starting")
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    monkeypatch.setattr(reporter, "_notebook_label", lambda: label)
    with TaskQueue() as queue, Reporter(queue, total=2):
        pass
    assert label.value == "0/2 done (0%) | 0 waiting | 0/0 busy | 0.0/s"


def test_the_line_ends_when_the_block_raises() -> None:
    """An exception in the block ends the reporter's thread and its line, and goes on."""
    stream = Terminal()
    with TaskQueue() as queue, pytest.raises(KeyError), Reporter(queue, stream=stream):
        raise KeyError("x")
    assert stream.getvalue().endswith("/s\n")


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a stream the line goes to standard error: standard output is for results."""
    with TaskQueue() as queue, Reporter(queue):
        pass
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "0 done | 0 waiting | 0/0 busy | 0.0/s\n"
