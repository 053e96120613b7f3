"""submit, cancel, retry and result --wait: from another process than the one that works."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cli_terminal import COMMAND, LIMIT, facts_in

from taskqueue_edu import TaskQueue, TaskStatus, WorkerPool
from taskqueue_edu.workloads import MathTask, SleepTask

MATH = ("math", "operation=sum", "operands=[1,2,3]")
BAD = ("math", "operation=nope", "operands=[1]")


def submit(call: Callable[..., Any], *words: object) -> str:
    found = call("submit", "jobs", *words)
    assert found.exit_code == 0, found.stderr
    return str(found.stdout).strip()


def shown(call: Callable[..., Any], *words: object) -> Any:
    return json.loads(call("status", "jobs", *words, "--json").stdout)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command in a process of its own; it is killed after the test."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: object) -> subprocess.Popen[str]:
        command = [*COMMAND, *map(str, words)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_submit_needs_no_owner(call: Callable[..., Any]) -> None:
    """Where nobody works, a task waits in the inbox, and counts as pending."""
    task_id = submit(call, *MATH, "--priority", "3")
    assert not Path("jobs/journal.jsonl").exists()
    assert [p.name for p in Path("jobs/inbox").iterdir()] == [f"{task_id}.submitted"]
    counts = shown(call)
    assert (counts["counts"]["pending"], counts["inbox"]) == (1, 1)
    assert "in the inbox" in call("status", "jobs").stderr
    task = shown(call, task_id)
    assert (task["status"], task["priority"]) == ("pending", 3)
    assert [(fact["fact"], fact["inbox"]) for fact in task["facts"]] == [("submitted", True)]
    assert "in the inbox" in call("status", "jobs", task_id).stdout
    result = call("result", "jobs", task_id)
    assert result.exit_code == 4
    assert "is pending, in the inbox" in result.stderr


def test_submit_checks_as_a_queue_does(call: Callable[..., Any]) -> None:
    """What submit leaves is what a queue of this process would have recorded."""
    submit(call, *MATH, "--priority", "3", "--delay", "1000")
    with closing(TaskQueue.open("other")) as queue:
        queue.submit(MathTask("sum", (1, 2, 3)), priority=3, delay=1000)
    TaskQueue.open("jobs").close()
    mine, theirs = (facts_in(folder)[0] for folder in ("jobs", "other"))
    assert abs(mine.pop("due") - theirs.pop("due")) < 500
    for name in ("id", "at", "crc"):
        del mine[name], theirs[name]
    assert mine == theirs


@pytest.mark.parametrize(
    "words",
    [
        ("--priority", str(2**53)),
        ("--priority", "0.5"),
        ("--delay", "1e10000"),
        ("--delay", "2e10"),
    ],
)
def test_submit_refuses_what_a_queue_refuses(
    call: Callable[..., Any], words: tuple[str, ...]
) -> None:
    """A priority or a delay out of range is a mistake on the command line; nothing is left."""
    assert call("submit", "jobs", *MATH, *words).exit_code == 2
    assert not Path("jobs").exists()


TOO_LARGE = {"payload": 37, "nesting": 1, "text": 8}
"""Limits that are one too low for MATH, whose JSON has 38 bytes, 2 levels and a key of 9."""


@pytest.mark.parametrize("name", TOO_LARGE)
def test_submit_keeps_to_the_limits(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """submit refuses what is over a limit of the settings, and takes what is at it."""
    Path("small.toml").write_text(f"[limits]\n{name} = {TOO_LARGE[name]}\n")
    found = call("submit", "jobs", *MATH, "--config", "small.toml")
    assert found.exit_code == 2
    assert f"(limits.{name})" in found.stderr
    monkeypatch.setenv(f"TASKQUEUE_LIMITS_{name.upper()}", str(TOO_LARGE[name]))
    assert call("submit", "jobs", *MATH).exit_code == 2
    assert not Path("jobs").exists()
    monkeypatch.setenv(f"TASKQUEUE_LIMITS_{name.upper()}", str(TOO_LARGE[name] + 1))
    submit(call, *MATH, "--config", "small.toml")


@pytest.mark.parametrize("name", TOO_LARGE)
def test_work_keeps_to_the_limits(call: Callable[..., Any], name: str) -> None:
    """work puts a request aside that is over a limit of the settings, and runs what is not."""
    refused = submit(call, *MATH)
    Path("small.toml").write_text(f"[limits]\n{name} = {TOO_LARGE[name]}\n")
    assert call("work", "jobs", "--config", "small.toml").exit_code == 0
    assert f"(limits.{name})" in Path("jobs/quarantine.jsonl").read_text()
    assert call("result", "jobs", refused).exit_code == 2
    taken = submit(call, *MATH)
    Path("small.toml").write_text(f"[limits]\n{name} = {TOO_LARGE[name] + 1}\n")
    assert call("work", "jobs", "--config", "small.toml").exit_code == 0
    assert call("result", "jobs", taken).stdout == "6\n"


def test_owner_takes_in_what_another_process_submits(execute: Callable[..., Any]) -> None:
    """A queue that is open runs what another process submits, with nobody telling it to look."""
    with closing(TaskQueue.open("jobs")) as queue, WorkerPool(1) as pool:
        pool.start_processing(queue)
        task_id = execute("submit", "jobs", *MATH).stdout.strip()
        done = execute("result", "jobs", task_id, "--wait")
        assert (done.returncode, done.stdout) == (0, "6\n")
        assert queue.wait_for_result(task_id, timeout=LIMIT) == 6


def test_work_runs_what_comes_in_meanwhile(
    call: Callable[..., Any], start: Callable[..., subprocess.Popen[str]]
) -> None:
    """work ends when all is done, and a task that came in while it worked is part of that."""
    first = submit(call, "sleep", "seconds=600")
    worker = start("work", "jobs", "--workers", 2)
    wait_until_running(first)
    second = submit(call, *MATH)
    assert call("result", "jobs", second, "--wait").stdout == "6\n"
    assert call("cancel", "jobs", first).exit_code == 0
    out, _ = worker.communicate(timeout=LIMIT)
    assert worker.returncode == 1  # a task was cancelled
    assert "jobs: 1 succeeded, 1 cancelled" in out


def wait_until_running(task_id: str) -> None:
    """Wait for a fact in the journal, as another process sees it."""
    from taskqueue_edu.journal.follow import Follower

    with Follower("jobs") as follower:
        while follower.get(task_id).status is TaskStatus.PENDING:
            with pytest.raises(TimeoutError):
                follower.wait(task_id, timeout=0.05)


def test_work_does_not_leave_a_last_request(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that comes in between the last task's end and work's own end is still done."""
    from taskqueue_edu.journal import InboxReader

    ids = [submit(call, *MATH)]
    original = InboxReader.wait_until_empty

    def late(reader: InboxReader) -> None:
        if len(ids) == 1:
            ids.append(submit(call, *MATH))
        original(reader)

    monkeypatch.setattr(InboxReader, "wait_until_empty", late)
    found = call("work", "jobs")
    assert found.exit_code == 0
    assert "jobs: 2 succeeded" in found.stdout
    assert [call("result", "jobs", task_id).stdout for task_id in ids] == ["6\n"] * 2


def test_result_waits_from_another_process(
    call: Callable[..., Any], start: Callable[..., subprocess.Popen[str]]
) -> None:
    """result --wait follows a task from the inbox to its end, and then prints as result does."""
    good, bad = submit(call, *MATH), submit(call, *BAD)
    waiters = [start("result", "jobs", task_id, "--wait") for task_id in (good, bad)]
    for waiter in waiters:
        assert waiter.stderr is not None
        assert "is pending" in waiter.stderr.readline()
    assert call("work", "jobs").exit_code == 1
    told = [waiter.communicate(timeout=LIMIT) for waiter in waiters]
    assert [waiter.returncode for waiter in waiters] == [0, 1]
    assert told[0][0] == "6\n"
    assert "ValueError: operation is 'nope'" in told[1][1]


def test_result_waits_through_compaction(
    call: Callable[..., Any], start: Callable[..., subprocess.Popen[str]]
) -> None:
    """A journal that is compacted under those who follow it does not confuse them."""
    with closing(TaskQueue.open("jobs")) as queue:
        for _ in range(20):
            queue.submit(MathTask("sum", (1, 2)))
        task_id = queue.submit(MathTask("sum", (1, 2, 3)), priority=-1)
        waiter = start("result", "jobs", task_id, "--wait")
        assert waiter.stderr is not None
        assert "is pending" in waiter.stderr.readline()
        queue.compact()
        with WorkerPool(1) as pool:
            pool.start_processing(queue)
            queue.wait_for_result(task_id, timeout=LIMIT)
            queue.compact()
            out, _ = waiter.communicate(timeout=LIMIT)
    assert (waiter.returncode, out) == (0, "6\n")


def test_time_is_up(call: Callable[..., Any]) -> None:
    """--timeout ends the wait with its own exit code; without --wait it is a mistake."""
    task_id = submit(call, *MATH)
    found = call("result", "jobs", task_id, "--wait", "--timeout", "0.05")
    assert (found.exit_code, found.stdout) == (124, "")
    assert "is pending, in the inbox" in found.stderr
    assert call("result", "jobs", task_id, "--timeout", "1").exit_code == 2
    assert call("result", "jobs", task_id, "--wait", "--timeout", "nan").exit_code == 2


def test_ctrl_c_ends_the_wait(call: Callable[..., Any], terminal: Callable[..., Any]) -> None:
    """Ctrl-C ends result --wait, and nothing happens to the task."""
    task_id = submit(call, *MATH)
    waiter = terminal("result", "jobs", task_id, "--wait")
    waiter.read_until("is pending")
    waiter.ctrl_c()
    assert waiter.end() == 130
    assert "Traceback" not in waiter.text
    assert shown(call, task_id)["status"] == "pending"


def test_cancel_a_task_in_the_inbox(call: Callable[..., Any]) -> None:
    """A task that nobody took in yet can be cancelled; it is never run."""
    task_id = submit(call, *MATH)
    assert call("cancel", "jobs", task_id).exit_code == 0
    kinds = [fact["fact"] for fact in shown(call, task_id)["facts"]]
    assert kinds == ["submitted", "cancelled"]
    call("work", "jobs")
    assert shown(call, task_id)["status"] == "cancelled"
    assert [fact["fact"] for fact in facts_in("jobs")] == ["submitted", "cancelled"]
    assert call("result", "jobs", task_id).exit_code == 1


def test_cancel_asks_a_running_task_to_stop(call: Callable[..., Any]) -> None:
    """A running task is asked to stop, and stops at its next checkpoint."""
    with closing(TaskQueue.open("jobs")) as queue, WorkerPool(1) as pool:
        pool.start_processing(queue)
        task_id = queue.submit(SleepTask(600))
        wait_until_running(task_id)
        found = call("cancel", "jobs", task_id)
        assert "asked to stop" in found.stderr
        assert call("result", "jobs", task_id, "--wait").exit_code == 1
    reason = shown(call, task_id)["reason"]
    assert reason == "cancelled by `taskqueue cancel`"


def test_cancel_a_finished_task(call: Callable[..., Any]) -> None:
    """To cancel a task that has finished is a mistake; no request is left."""
    task_id = submit(call, *MATH)
    call("work", "jobs")
    found = call("cancel", "jobs", task_id)
    assert found.exit_code == 2
    assert "is succeeded already" in found.stderr
    assert list(Path("jobs/inbox").glob(f"{task_id}*")) == []


def test_retry_while_the_owner_works(call: Callable[..., Any]) -> None:
    """A failed task can be put back from outside, and runs again at once."""
    with closing(TaskQueue.open("jobs")) as queue, WorkerPool(1) as pool:
        pool.start_processing(queue)
        task_id = queue.submit(MathTask("nope", (1,)))
        assert call("result", "jobs", task_id, "--wait").exit_code == 1
        assert call("retry", "jobs", task_id).exit_code == 0
        assert call("result", "jobs", task_id, "--wait").exit_code == 1
    kinds = [fact["fact"] for fact in facts_in("jobs")]
    assert kinds == ["submitted", "started", "failed", "revived", "started", "failed"]


def test_a_request_to_retry_shows(call: Callable[..., Any]) -> None:
    """A failed task that is to be put back is pending, and its history shows the request."""
    task_id = submit(call, *BAD)
    call("work", "jobs")
    call("retry", "jobs", task_id)
    task = shown(call, task_id)
    assert task["status"] == "pending"
    assert [fact["fact"] for fact in task["facts"]] == ["submitted", "started", "failed", "revived"]
    assert shown(call)["counts"] == {**dict.fromkeys(TaskStatus, 0), "pending": 1}
    assert shown(call, "--failed") == []


@pytest.mark.parametrize("task_id", ["../inbox/x", "", ".", "a/b", "é", "1-1"])
def test_id_is_no_path(call: Callable[..., Any], task_id: str) -> None:
    """An id that is none is not looked up as a file."""
    submit(call, *MATH)
    for command in ("status", "result", "cancel", "retry"):
        found = call(command, "jobs", task_id)
        assert found.exit_code == 2
        assert "there is no task" in found.stderr
