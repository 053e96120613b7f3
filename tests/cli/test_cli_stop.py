"""How a run ends that is stopped or killed, and how the next one goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_terminal import COMMAND, LIMIT, facts_in

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX"),
]

SLEEP = ("run", "sleep", "--n", 60, "--workers", 2, "--store", "jobs")
# The same, but for how many run at once: what is left after a stop is soon done.
SLEEP_ON = (*SLEEP, "--workers", 20)

# A task that says when it runs, and does not listen to requests to stop.
# It writes each line with one call: several processes share the terminal.
STUBBORN = """
import os
import time
from dataclasses import dataclass
from taskqueue_edu import task_type

@task_type("stubborn")
@dataclass(frozen=True)
class Stubborn:
    number: int

    def execute(self) -> int:
        os.write(1, b"task %d runs\\n" % self.number)
        time.sleep(600)
        return self.number

def tasks():
    return [Stubborn(number) for number in range(4)]
"""


def test_ctrl_c_and_on_again(
    terminal: Callable[..., Any], execute: Callable[..., Any], call: Callable[..., Any]
) -> None:
    """Ctrl-C stops a run, gives running tasks back, and the same command does the rest."""
    run = terminal(*SLEEP)
    run.read_until(r"(?<!\d)(?:[5-9]|[1-4]\d)/60 done")
    run.ctrl_c()
    assert run.end() == 130
    assert "Stopping (Ctrl-C)" in run.text
    done, total = map(int, re.search(r"Stopped: (\d+) of (\d+) tasks", run.text).groups())
    assert total == 60
    assert "The same command goes on from there." in run.text
    counts = json.loads(call("status", "jobs", "--json").stdout)["counts"]
    assert (counts["succeeded"], counts["running"]) == (done, 0)

    again = execute(*SLEEP_ON)
    assert again.returncode == 0, again.stderr
    assert f"sleep: 60 succeeded, {done} of them in earlier runs" in again.stdout
    assert "60 tasks slept 6.0 s" in again.stdout
    kinds = Counter(fact["fact"] for fact in facts_in("jobs"))
    assert kinds["submitted"] == kinds["succeeded"] == 60
    assert kinds["started"] == 60 + kinds["released"]


def test_killed_and_on_again(terminal: Callable[..., Any], execute: Callable[..., Any]) -> None:
    """After kill -9 the same command recovers the tasks that ran, and does the rest."""
    run = terminal(*SLEEP)
    run.read_until(r"(?<!\d)(?:[5-9]|[1-4]\d)/60 done")
    os.kill(run.pid, signal.SIGKILL)
    assert run.end() == -signal.SIGKILL
    done = Counter(fact["fact"] for fact in facts_in("jobs"))["succeeded"]

    again = execute(*SLEEP_ON)
    assert again.returncode == 0, again.stderr
    assert f"sleep: 60 succeeded, {done} of them in earlier runs" in again.stdout
    kinds = Counter(fact["fact"] for fact in facts_in("jobs"))
    assert kinds["submitted"] == kinds["succeeded"] == 60
    assert kinds["started"] == 60 + kinds["recovered"]


def test_second_ctrl_c_ends_it_at_once(
    terminal: Callable[..., Any], write: Callable[..., Path], call: Callable[..., Any]
) -> None:
    """The second Ctrl-C does not wait for running tasks; the next run recovers them."""
    write("stubborn.py", STUBBORN)
    run = terminal("run", "stubborn.py", "--store", "jobs")
    run.read_until(r"(?:task \d runs[\s\S]*){4}")
    run.ctrl_c()
    run.read_until("Stopping")
    run.ctrl_c()
    assert run.end() == 130
    assert "Stopped" not in run.text
    assert json.loads(call("status", "jobs", "--json").stdout)["counts"]["running"] == 4


def test_task_that_does_not_stop_is_cut_off(
    terminal: Callable[..., Any], write: Callable[..., Path], call: Callable[..., Any]
) -> None:
    """A task that runs on past its few seconds is given back, and does not hold up the exit."""
    write("stubborn.py", "from taskqueue_edu.cli import session\nsession.GRACE = 0.2\n" + STUBBORN)
    run = terminal("run", "stubborn.py", "--store", "jobs")
    run.read_until(r"task \d runs")
    run.ctrl_c()
    assert run.end() == 130
    assert "What is still running is cut off." in run.text
    assert json.loads(call("status", "jobs", "--json").stdout)["counts"]["pending"] == 4


def test_ctrl_c_with_processes(terminal: Callable[..., Any], call: Callable[..., Any]) -> None:
    """Ctrl-C leaves the pool's processes to finish their tasks, and none of them behind."""
    run = terminal("run", "primes", "--n", 60, "--processes", "--workers", 2, "--store", "jobs")
    run.read_until(r"(?<!\d)(?:[2-9]|[1-4]\d)/60 done")
    run.ctrl_c()
    assert run.end() == 130  # and that all of them have closed the terminal
    assert "KeyboardInterrupt" not in run.text
    assert "Traceback" not in run.text
    counts = json.loads(call("status", "jobs", "--json").stdout)["counts"]
    assert counts["failed"] == counts["running"] == 0
    assert counts["succeeded"] + counts["pending"] == 60


@pytest.mark.parametrize("ending", ["ctrl-c", "kill"])
def test_no_process_is_left(
    terminal: Callable[..., Any], write: Callable[..., Path], ending: str
) -> None:
    """Processes that are busy end with the command, even if it is killed."""
    write("stubborn.py", STUBBORN)
    run = terminal("run", "stubborn.py", "--processes", "--workers", 2)
    run.read_until(r"task \d runs[\s\S]*task \d runs")
    if ending == "kill":
        os.kill(run.pid, signal.SIGKILL)
    else:
        run.ctrl_c()
        run.read_until("Stopping")
        run.ctrl_c()
    assert run.end() == (-signal.SIGKILL if ending == "kill" else 130)
    assert "leaked" not in run.text


def test_sigterm(write: Callable[..., Path]) -> None:
    """SIGTERM stops it as Ctrl-C does, with its own exit code."""
    write(
        "patient.py",
        STUBBORN.replace("time.sleep", "current_task().sleep").replace(
            "import task_type", "import current_task, task_type"
        ),
    )
    process = subprocess.Popen(
        [*COMMAND, "run", "patient.py", "--store", "jobs"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().endswith("runs\n")
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
    assert process.returncode == 143
    assert "Stopping (SIGTERM)" in told
    assert "0 of 4 tasks are done, kept in jobs" in told


def test_work_is_stopped(terminal: Callable[..., Any], call: Callable[..., Any]) -> None:
    """Ctrl-C gives the tasks of work back to the journal."""
    for _ in range(3):
        call("submit", "jobs", "sleep", "seconds=600")
    run = terminal("work", "jobs")
    run.read_until("3/4 busy")
    run.ctrl_c()
    assert run.end() == 130
    assert json.loads(call("status", "jobs", "--json").stdout)["counts"]["pending"] == 3


def test_work_forever(terminal: Callable[..., Any], call: Callable[..., Any]) -> None:
    """work --forever stays when all is done, and runs what comes in then."""
    call("submit", "jobs", "math", "operation=sum", "operands=[1]")
    run = terminal("work", "jobs", "--forever")
    run.read_until(r"(?<!\d)1 done[\s\S]*(?<!\d)1 done")
    call("submit", "jobs", "math", "operation=sum", "operands=[2]")
    run.read_until(r"(?<!\d)2 done[\s\S]*(?<!\d)2 done")
    run.ctrl_c()
    assert run.end() == 130
    assert "jobs: 2 succeeded" in run.text


def test_folder_in_use(terminal: Callable[..., Any], call: Callable[..., Any]) -> None:
    """While one process runs a folder's tasks, others can look, submit, and not run them."""
    run = terminal("run", "sleep", "--n", 600, "--workers", 2, "--store", "jobs")
    run.read_until(r"(?<!\d)[1-9]\d?/600 done")
    shown = json.loads(call("status", "jobs", "--json").stdout)["counts"]
    assert shown["succeeded"] >= 1
    words = ("math", "operation=sum", "operands=[1]", "--priority", "9")
    task_id = call("submit", "jobs", *words).stdout.strip()
    refused = call("work", "jobs")
    assert refused.exit_code == 3
    assert str(run.pid) in refused.stderr
    assert call("result", "jobs", task_id, "--wait").stdout == "1\n"
    run.ctrl_c()
    assert run.end() == 130


def test_progress_is_one_line(terminal: Callable[..., Any]) -> None:
    """In a terminal, the progress stays on its line: nothing wraps."""
    run = terminal("run", "sleep", "--n", 16, "--workers", 4)
    assert run.end() == 0
    assert re.search(r"\d+/16 done .* \| 4/4 busy", run.text)
    shown = [line for part in run.text.split("\r\n") for line in part.split("\r")]
    assert max(len(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line)) for line in shown) <= 80


def test_pipe_has_no_colors(execute: Callable[..., Any]) -> None:
    """Without a terminal there are no colors, and no line is drawn over another."""
    done = execute("run", "corpus", "--store", "jobs")
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stdout + done.stderr
    for words in (("types",), ("config",), ("status", "jobs")):
        assert "\x1b" not in execute(*words).stdout


@pytest.mark.parametrize(
    "words", [("types",), ("--help",), ("run", "corpus"), ("config", "--json")]
)
def test_nobody_reads(words: tuple[str, ...]) -> None:
    """A reader that has seen enough is no error worth a message."""
    process = subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait(LIMIT) in (1, 141)
    assert "Traceback" not in told
    assert "BrokenPipe" not in told


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_signal_finds_a_main_thread_that_sleeps(run_python: Callable[..., Any]) -> None:
    """A signal that does not interrupt the main thread's sleep ends the session all the same."""
    done = run_python(
        """
        import os, queue, signal, threading, time
        from pathlib import Path
        from taskqueue_edu.cli.session import _caught

        mail = queue.SimpleQueue()
        masked = threading.Event()

        def kill():
            masked.wait()
            seen = 0
            while seen < 1000:  # in a row: then it does not only wait for its turn
                state = Path(f"/proc/self/task/{os.getpid()}/stat").read_text()
                seen = seen + 1 if ") S" in state else 0
                time.sleep(0)
            os.kill(os.getpid(), signal.SIGTERM)

        with _caught(mail.put):
            # The main thread does not take the signal, so it sleeps on: as it does if the signal
            # comes at the moment at which it falls asleep.
            threading.Thread(target=kill).start()  # before the mask, which it would inherit
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            masked.set()
            print(mail.get(timeout=20))
        """
    )
    assert (done.stdout, done.stderr) == ("143\n", "")
