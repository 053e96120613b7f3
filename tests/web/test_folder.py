"""The dashboard of a folder that another process works on, and the command that serves it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from taskqueue_edu.cli import app
from taskqueue_edu.errors import StorageError
from taskqueue_edu.facts import Submission
from taskqueue_edu.journal import Inbox
from taskqueue_edu.web import serve

from .site import LIMIT, Site

# What it does: run what comes in, and tell when it is there. It ends with its standard input.
OWNER = """
import sys
from taskqueue_edu import TaskQueue, WorkerPool
from taskqueue_edu.workloads import MathTask
with TaskQueue.open(sys.argv[1]) as queue, WorkerPool(2) as pool:
    pool.start_processing(queue)
    queue.submit_many([MathTask("sum", (n,)) for n in range(30)] + [MathTask("div", (1,))])
    queue.join()
    print("ready", flush=True)
    sys.stdin.readline()
    queue.compact()
    print("compacted", flush=True)
    sys.stdin.readline()
"""

HERE: dict[str, Any] = {"host": "127.0.0.1", "port": 0}
ENVIRONMENT = {name: value for name, value in os.environ.items() if "TASKQUEUE" not in name}


class Owner:
    """A process that works on a folder."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        assert self.stdout.readline() == "ready\n"

    def go_on(self) -> str:
        """Let it go on, and return what it says then."""
        self.stdin.write("\n")
        self.stdin.flush()
        return self.stdout.readline()

    def close(self) -> None:
        """End it."""
        self.stdin.close()
        self.process.wait(LIMIT)
        self.stdout.close()


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    """A process that has run 31 tasks in `tmp_path/jobs`, one of which failed, and waits."""
    owner = Owner(tmp_path / "jobs")
    yield owner
    owner.close()


@pytest.fixture
def site(owner: Owner, tmp_path: Path) -> Iterator[Site]:
    """The dashboard of that folder."""
    with serve(tmp_path / "jobs", **HERE) as dashboard:
        dashboard.start()
        yield Site(dashboard.url)


@pytest.mark.slow
def test_it_shows_what_another_process_did(site: Site) -> None:
    """Picture, table and numbers come from the journal, and the title names the folder."""
    frame = next(site.frames())
    assert frame["status"].startswith("31 of 31 tasks done, 1 of them failed; 0 waiting.")
    assert site.tasks()["all"] == 31
    assert site.ask("/metrics.json").json["tasks"]["succeeded"] == 30
    assert "<title>Task queue in " in site.ask("/").text


@pytest.mark.slow
def test_a_task_has_its_whole_history(site: Site) -> None:
    """A journal has more than memory: what was asked for, and what each run ended with."""
    (failed,) = site.tasks(status="failed")["tasks"]
    told = site.task(failed["id"])
    notes = {event["kind"]: event["note"] for event in told["events"]}
    assert notes["submitted"] == 'math {"operation":"div","operands":[1]}'
    assert notes["started"].startswith("run 1, by worker-")
    assert notes["failed"].startswith("ValueError: ")
    assert "raise ValueError" in told["traceback"]
    succeeded = site.tasks(status="succeeded", sort="submitted", order="ascending")["tasks"][5]
    assert site.task(succeeded["id"])["result"] == "5"


@pytest.mark.slow
def test_buttons_reach_the_other_process(owner: Owner, site: Site) -> None:
    """Retry makes the owner run the task again, and the page sees it end, also after compaction."""
    (failed,) = site.tasks(status="failed")["tasks"]
    said = site.press("retry", failed["id"]).json["said"]
    assert "is pending" in said
    frames = site.frames()
    assert next(f for f in frames if site.ask("/metrics.json").json["totals"]["failed"] == 2)
    kinds = [event["kind"] for event in site.task(failed["id"])["events"]]
    assert kinds == ["submitted", "started", "failed", "revived", "started", "failed"]
    assert owner.go_on() == "compacted\n"
    assert next(f for f in frames if f["status"].startswith("31 of 31 tasks done, 1 of them"))
    frames.close()  # type: ignore[attr-defined]
    assert [e["kind"] for e in site.task(failed["id"])["events"]] == ["kept", "failed"]
    assert site.press("cancel", failed["id"]).code == 409


def test_what_nobody_has_taken_in(tmp_path: Path) -> None:
    """A task in the inbox is pending; cancelling it leaves a request beside it."""
    inbox = Inbox(tmp_path)
    task_id = inbox.submit(Submission("math", None, b'{"operation":"sum","operands":[1]}'))
    with serve(tmp_path, **HERE) as dashboard:
        dashboard.start()
        site = Site(dashboard.url)
        assert [task["id"] for task in site.tasks(status="pending")["tasks"]] == [task_id]
        assert "will be cancelled" in site.press("cancel", task_id).json["said"]
        assert site.press("retry", task_id).code == 409
        events = site.task(task_id)["events"]
    assert [event["kind"] for event in events] == ["(submitted)", "(cancelled)"]
    assert sorted(path.suffix for path in inbox.waiting()) == [".cancelled", ".submitted"]


def test_a_folder_without_a_journal(tmp_path: Path) -> None:
    """There is nothing to serve: a StorageError says so, and nothing is made there."""
    with pytest.raises(StorageError, match="no journal"):
        serve(tmp_path, **HERE)
    assert list(tmp_path.iterdir()) == []


# -- the command


def call(*words: object) -> tuple[int, str]:
    """Call the command in this process; return its exit code and what it said."""
    result = CliRunner().invoke(app, ["dashboard", *map(str, words)])
    return result.exit_code, result.stderr


def test_the_command_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder, no journal, a port that somebody has, no uvicorn: a line each, and what to do."""
    assert call(tmp_path / "nothing")[0] == 2
    code, said = call(tmp_path)
    assert (code, "no journal" in said) == (3, True)
    (tmp_path / "inbox").mkdir()
    with serve(tmp_path, **HERE) as taken:
        code, said = call(tmp_path, "--port", Site(taken.url).port)
        assert (code, "can't listen" in said, "--port" in said) == (2, True, True)
    for name in [name for name in sys.modules if name.startswith("taskqueue_edu.web")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    code, said = call(tmp_path)
    assert (code, "pip install -e '.[web]'" in said) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_the_command_ends_at_once(tmp_path: Path, number: int, code: int) -> None:
    """Ctrl-C and SIGTERM end it, quietly, although somebody watches; --open opens its address."""
    (tmp_path / "inbox").mkdir()
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o700)
    with subprocess.Popen(
        [sys.executable, "-m", "taskqueue_edu", "dashboard", str(tmp_path), "--open"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT | {"BROWSER": str(browser)},
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        frames = Site(url).frames()
        assert next(frames)["status"].startswith("No task yet")
        process.send_signal(number)
        out, said = process.communicate(timeout=LIMIT)
        assert list(frames) == []
    assert process.returncode == code
    assert (out, said) == ("", "Ctrl-C ends it.\n")
    assert opened.read_text().strip() == url
