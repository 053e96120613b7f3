"""Real processes, killed at each of their system calls."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest

from durability.forks import ForkServer
from durability.jobs import run_one
from durability.tally import tried
from taskqueue_edu import TaskQueue, TaskStatus

STRACE = shutil.which("strace")

# It forks a process for each folder that it is told, which waits until it is traced: so strace
# need not follow the start of an interpreter, which makes a hundred times as many system calls.
SERVER = """
    import ctypes, os, sys
    from pathlib import Path
    from tempfile import TemporaryDirectory
    from durability.jobs import Echo, run_one
    from taskqueue_edu import TaskQueue

    def tell(*words):
        os.write(1, (" ".join(map(str, words)) + "\\n").encode())

    def work(folder, sync):
        queue = TaskQueue.open(folder, sync=sync, compact_at=None)
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

    with TemporaryDirectory() as folder:
        TaskQueue.open(Path(folder, "jobs")).close()  # what is imported on first use is there now
    while command := os.read(0, 4096).decode().split():
        process = os.fork()
        if process == 0:
            # Where a process may trace none but its own children (Yama), it may trace this one.
            PR_SET_PTRACER, PR_SET_PTRACER_ANY = 0x59616D61, ctypes.c_ulong(-1)
            ctypes.CDLL(None).prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0)
            tell(os.getpid())
            os.read(0, 4096)
            try:
                work(*command)
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        tell("ended", os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"""

CALLS = ("write", "fdatasync", "fsync", "rename", "unlink", "ftruncate", "dup3", "openat", "close")


class Server(ForkServer):
    """A process that forks one that does the work, again and again."""

    def __init__(self) -> None:
        tests = Path(__file__).parents[1]
        super().__init__(SERVER, folder=tests, environment={**os.environ, "PYTHONPATH": str(tests)})

    def run(self, folder: Path, sync: str, *options: str) -> tuple[int, list[list[str]]]:
        """Run the work under strace; return how it ended, and what it told before."""
        self.say(folder, sync)
        (process,) = self.hear()
        with subprocess.Popen(
            [str(STRACE), "-f", "-p", process, *options], stderr=subprocess.PIPE, text=True
        ) as strace:
            assert strace.stderr is not None
            said = strace.stderr.readline()
            self.say("go")
            told = []
            while (words := self.hear())[0] != "ended":
                told.append(words)
            said += strace.stderr.read()
        if "Operation not permitted" in said:
            pytest.skip("strace may not attach to a process here")
        assert f"Process {process} attached" in said, said
        return int(words[1]), told


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


@pytest.fixture(scope="module")
def servers() -> Iterator[SimpleQueue[Server]]:
    """Two servers that have nothing to do."""
    idle: SimpleQueue[Server] = SimpleQueue()
    started = [Server() for _ in range(2)]
    for server in started:
        idle.put(server)
    yield idle
    for server in started:
        server.close()


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


def count(server: Server, call: str, tmp_path: Path, sync: str) -> int:
    """Return how many calls of that name the work makes."""
    log = tmp_path / "calls"
    ended, told = server.run(tmp_path / "counted", sync, "-o", str(log), "-e", f"trace={call}")
    assert (ended, told[-1]) == (0, ["closed"])
    main, *_ = log.read_text().split()
    return len(re.findall(rf"^{main} +{call}\(", log.read_text(), re.MULTILINE))


@pytest.mark.parametrize("sync", ["process", "always"])
@pytest.mark.parametrize("call", CALLS)
def test_killed_at_every_call(
    servers: SimpleQueue[Server], tmp_path: Path, call: str, sync: str
) -> None:
    """Wherever a process is killed, what it had told is there for the next one."""
    if call == "fdatasync" and sync == "process":
        pytest.skip("the calls are those of compaction, which the other level makes too")

    def one(number: int) -> tuple[int, Path, list[list[str]]]:
        target = tmp_path / f"{call}-{number}"
        server = servers.get()
        try:
            inject = f"inject={call}:signal=KILL:when={number}"
            options = ("-o", "/dev/null", "-e", f"trace={call}", "-e", inject)
            ended, told = server.run(target, sync, *options)
        finally:
            servers.put(server)
        return ended, target, told

    server = servers.get()
    calls = count(server, call, tmp_path, sync)
    servers.put(server)
    if call == "write":
        calls -= 1  # of "closed"; the process has nothing left to do then
    assert calls
    with ThreadPoolExecutor(2) as pool:
        killed = list(pool.map(one, range(1, calls + 1)))
    for ended, target, told in killed:
        assert ended == -signal.SIGKILL
        assert ["closed"] not in told
        check(target, told)
        tried(f"processes killed at a system call ({call})")
