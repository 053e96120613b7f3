"""Real processes, killed at each of their system calls."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from durability.conftest import tried
from durability.jobs import run_one
from taskqueue_edu import TaskQueue, TaskStatus

STRACE = shutil.which("strace")

WORK = """
    import os, sys
    from durability.jobs import Echo, run_one
    from taskqueue_edu import TaskQueue

    def tell(*words):
        os.write(1, (" ".join(map(str, words)) + "\\n").encode())

    # The calls of the interpreter's own start are over: from here on they count.
    os.write(2, b"begin")
    queue = TaskQueue.open(sys.argv[1], sync=sys.argv[2], compact_at=None)
    for n in range(4):
        tell("there", queue.submit(Echo(n)))
        if n % 2:
            task_id = run_one(queue)
            tell("value", task_id, queue.wait_for_result(task_id, 0))
        if n == 2:
            queue.compact()
            tell("compacted")
    task_id = queue.submit(Echo(9), delay=1e6)
    queue.cancel(task_id)
    tell("cancelled", task_id)
    queue.compact()
    queue.close()
    tell("closed")
"""

CALLS = ("write", "fdatasync", "fsync", "rename", "unlink", "ftruncate", "dup3", "openat", "close")


def strace_works() -> str:
    """Return why processes can't be killed at a system call here, or nothing."""
    if STRACE is None:
        return "strace is not installed"
    done = subprocess.run(
        [STRACE, "-f", "-o", "/dev/null", "-e", "inject=write:signal=KILL:when=1", "echo", "x"],
        capture_output=True,
        check=False,
    )
    if done.returncode not in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return f"strace may not trace here: {done.stderr.decode().strip()[-80:]}"
    return ""


REASON = strace_works()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(REASON), reason=REASON)]


def run_traced(folder: Path, sync: str, *options: str) -> tuple[int, list[list[str]]]:
    """Run the work under strace; return how it ended, and what it told before."""
    done = subprocess.run(
        [
            *(str(STRACE), "-f", "-o", "/dev/null", *options),
            *(sys.executable, "-c", textwrap.dedent(WORK), str(folder), sync),
        ],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        timeout=60,
        check=False,
    )
    told = [line.split() for line in done.stdout.decode().split("\n")[:-1]]
    if done.returncode not in (0, -signal.SIGKILL, 128 + signal.SIGKILL):
        pytest.fail(done.stderr.decode()[-2000:])
    return done.returncode, told


def check(folder: Path, told: list[list[str]]) -> None:
    """All that the process told is so for the next one, and that one can go on."""
    with TaskQueue.open(folder) as queue:
        for what, *rest in told:
            if what == "there":
                queue.status(rest[0])
            elif what == "value":
                assert queue.wait_for_result(rest[0], 0) == int(rest[1])
            elif what == "cancelled":
                assert queue.status(rest[0]) is TaskStatus.CANCELLED
        assert queue.recovery is not None
        assert [queue.recovery.quarantined, queue.recovery.gaps] == [[], []]
        assert queue.recovery.ignored == 0
        assert queue.registry.counts()[TaskStatus.RUNNING] == 0
        assert len(queue.registry.records()) <= sum(what == "there" for what, *_ in told) + 2
        for record in queue.registry.records():
            if record.status is TaskStatus.PENDING and record.due is None:
                run_one(queue)
    with TaskQueue.open(folder) as queue:
        assert queue.recovery is not None
        assert not queue.recovery.damaged


def numbers(call: str, tmp_path: Path, sync: str) -> Iterator[int]:
    """Yield the number of each call of that name that the work makes on its folder."""
    log = tmp_path / "calls"
    subprocess.run(
        [
            *(str(STRACE), "-f", "-o", str(log), "-e", f"trace={call},write"),
            *(sys.executable, "-c", textwrap.dedent(WORK), str(tmp_path / "counted"), sync),
        ],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        timeout=60,
        check=True,
    )
    shutil.rmtree(tmp_path / "counted")
    begun, number = False, 0
    main = ""
    for line in log.read_text(errors="replace").splitlines():
        thread, _, rest = line.partition(" ")
        main = main or thread
        if thread != main:
            continue
        number += rest.strip().startswith(f"{call}(")
        if begun and rest.strip().startswith(f"{call}("):
            yield number
        begun = begun or '"begin"' in rest


@pytest.mark.parametrize("sync", ["process", "always"])
@pytest.mark.parametrize("call", CALLS)
def test_killed_at_every_call(folder: Path, tmp_path: Path, call: str, sync: str) -> None:
    """Wherever a process is killed, what it had told is there for the next one."""
    if call == "fdatasync" and sync == "process":
        pytest.skip("the calls are those of compaction, which the other level makes too")
    at = list(numbers(call, tmp_path, sync))
    if call == "write":
        at.pop()  # of "closed"; the process has nothing left to do then
    if call == "close":
        at = at[:-3]

    def one(number: int) -> tuple[int, Path, list[list[str]]]:
        target = tmp_path / f"{call}-{number}"
        ended, told = run_traced(
            target, sync, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"
        )
        return ended, target, told

    with ThreadPoolExecutor(2) as pool:
        killed = list(pool.map(one, at))
    for ended, target, told in killed:
        assert ended != 0
        assert ["closed"] not in told
        check(target, told)
        tried(f"processes killed at a system call ({call})")
