"""Code that may do anything ends with a reason, and this process goes on."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from taskqueue_edu.lab.isolate import isolated

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def hangs() -> bytes:
    while True:
        pass


def waits_for_itself() -> bytes:
    lock = threading.Lock()
    with lock, lock:
        return b""


def eats() -> bytes:
    kept = []
    while True:
        kept.append(bytearray(50_000_000))


def leaves() -> bytes:
    sys.exit("enough")


def tears_down() -> bytes:
    os._exit(7)


def crashes() -> bytes:
    os.kill(os.getpid(), signal.SIGSEGV)
    return b""


def closes_everything() -> bytes:
    os.closerange(3, 200)
    threading.Event().wait()
    return b""


def raises() -> bytes:
    raise ValueError("no good")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (eats, r"It took more than 1024 MB of memory\."),
        (leaves, r"It called sys.exit\('enough'\)\."),
        (tears_down, r"It ended the whole process, with exit code 7"),
        (crashes, r"It ended the whole process, by SIGSEGV\."),
        (closes_everything, "It closed files that were not its own"),
        (raises, "It raised ValueError: no good"),
    ],
)
def test_an_end_that_is_no_answer(code: Callable[[], bytes], why: str) -> None:
    """Memory, exits, signals and exceptions are told apart."""
    ended = isolated(code)
    assert ended.answer is None
    assert re.match(why, ended.why), ended.why


@pytest.mark.slow
@pytest.mark.parametrize("code", [hangs, waits_for_itself])
def test_a_hang_ends(code: Callable[[], bytes]) -> None:
    """Code that computes for ever, or waits for ever, is ended after its time."""
    ended = isolated(code, seconds=0.2)
    assert ended.answer is None
    assert ended.why.startswith("It did not end within 0.2 seconds.")


def test_an_answer(capfd: pytest.CaptureFixture[str]) -> None:
    """The answer comes back whole, and what was printed beside it, but only that."""

    def code() -> bytes:
        sys.stdout.write("printed\n")
        os.write(1, b"past sys.stdout")
        return bytes(range(256)) * 1_000

    ended = isolated(code)
    assert ended == (bytes(range(256)) * 1_000, "", "printed\n", False)
    assert capfd.readouterr() == ("", "")


def test_threads_take_no_memory_to_speak_of() -> None:
    """A hundred threads that wait are allowed, though each has addresses of its own."""

    def code() -> bytes:
        go_on = threading.Event()
        threads = [threading.Thread(target=go_on.wait) for _ in range(100)]
        for thread in threads:
            thread.start()
        go_on.set()
        for thread in threads:
            thread.join()
        return b"done"

    assert isolated(code).answer == b"done"


def test_a_million_lines() -> None:
    """Of very much output, the beginning is kept."""

    def code() -> bytes:
        for number in range(100_000):
            sys.stdout.write(f"line {number}\n")
        return b"done"

    ended = isolated(code)
    assert ended.answer == b"done"
    assert ended.printed.startswith("line 0\nline 1\n")
    assert len(ended.printed) == 20_000


def test_what_it_does_stays_there(tmp_path: Path) -> None:
    """Folder, environment and objects are as they were afterwards."""
    kept = [1]

    def code() -> bytes:
        os.chdir(tmp_path)
        os.environ["TASKQUEUE_TEST"] = "1"
        kept.append(2)
        return str(kept).encode()

    before = Path.cwd()
    assert isolated(code).answer == b"[1, 2]"
    assert (kept, Path.cwd(), os.environ.get("TASKQUEUE_TEST")) == ([1], before, None)


def test_what_it_started_ends_too() -> None:
    """A process that the code started, and left, is ended with it."""
    theirs, ours = os.pipe()
    alive = [sys.executable, "-c", "import threading; threading.Event().wait()"]

    def code() -> bytes:
        subprocess.Popen(alive, pass_fds=(ours,))
        return b""

    assert isolated(code).answer == b""
    os.close(ours)
    ready, _, _ = select.select([theirs], [], [], 10)
    assert ready, "somebody still has the other end"
    os.close(theirs)


def test_no_descriptor_is_left() -> None:
    """Nothing stays open, whatever happened."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for code in (raises, tears_down, leaves):
        isolated(code)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
