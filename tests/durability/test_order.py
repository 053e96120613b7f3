"""In which order writes, syncs and acknowledgments come: a kill can't show it, a trace can."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from durability.jobs import LIMIT, Echo
from durability.tally import tried
from durability.test_kill import REASON
from taskqueue_edu import TaskQueue, WorkerPool, files

# -- within the process


class Trace:
    """Notes the writes, and how much of them is synced, as the store makes the calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lock = threading.Lock()
        self.written: list[bytes] = []
        self.synced = 0
        self.syncs = 0
        write_all, sync_data = files.write_all, files.sync_data

        def write(descriptor: int, data: bytes) -> None:
            write_all(descriptor, data)
            with self.lock:
                self.written.append(data)

        def sync(descriptor: int) -> None:
            with self.lock:
                covered = len(self.written)
            sync_data(descriptor)
            with self.lock:
                self.synced = max(self.synced, covered)
                self.syncs += 1

        monkeypatch.setattr(files, "write_all", write)
        monkeypatch.setattr(files, "sync_data", sync)

    def place(self, kind: str, task_id: str, *, synced: bool) -> bool:
        """Tell whether the fact is written now, and synced if asked for."""
        words = (f'"fact":"{kind}"'.encode(), f'"id":"{task_id}"'.encode())
        with self.lock:
            done = self.written[: self.synced] if synced else list(self.written)
        return any(all(word in data for word in words) for data in done)


@pytest.mark.parametrize("sync", ["process", "always"])
def test_acknowledgments_come_last(
    folder: Path, monkeypatch: pytest.MonkeyPatch, sync: str
) -> None:
    """An id or a result is given out after its line is written, and with "always" is synced."""
    trace = Trace(monkeypatch)
    synced = sync == "always"
    early: list[str] = []
    count = 0

    def expect(kind: str, task_id: str) -> None:
        nonlocal count
        if not trace.place(kind, task_id, synced=synced):
            early.append(f"{kind} {task_id}")
        with trace.lock:
            count += 1

    def client(number: int) -> None:
        for n in range(15):
            task_id = queue.submit(Echo(n))
            expect("submitted", task_id)
            if n % 3 == 0:
                assert queue.wait_for_result(task_id, LIMIT) == n
            elif n % 3 == 1:
                assert queue.future(task_id).result(LIMIT) == n
            else:
                continue
            expect("succeeded", task_id)

    with TaskQueue.open(folder, sync=sync) as queue, WorkerPool(2) as pool:
        pool.start_processing(queue)
        threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        waits = queue.submit(Echo(1), delay=1e6)
        assert queue.cancel(waits)
        expect("cancelled", waits)
    assert early == []
    assert count == 101
    tried(f"acknowledgments traced ({sync})", count)


def test_process_syncs_nothing_by_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With "process" no submission waits for the disk, but queue.sync() does."""
    with TaskQueue.open(folder) as queue:
        trace = Trace(monkeypatch)
        task_id = queue.submit(Echo(1))
        assert trace.place("submitted", task_id, synced=False)
        assert trace.syncs == 0
        queue.sync()
        assert trace.syncs == 1
        assert trace.place("submitted", task_id, synced=True)


def test_the_steps_of_a_compaction(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new journal is on the disk before it takes the name, and the name before any more."""
    steps: list[str] = []
    with TaskQueue.open(folder) as queue:
        queue.submit_many([Echo(n) for n in range(3)])
        for name in ("write_all", "sync_data", "rename", "sync_folder"):
            real = getattr(files, name)

            def call(*args: Any, name: str = name, real: Any = real) -> Any:
                found = real(*args)
                steps.append(name)
                return found

            monkeypatch.setattr(files, name, call)
        queue.compact()
        queue.submit(Echo(3))
        monkeypatch.undo()
    # The second write is of what came during the first two: nothing here.
    assert steps[:2] == ["write_all", "sync_data"]
    assert steps[-3:] == ["rename", "sync_folder", "write_all"]
    assert "sync_data" in steps[2:-3]


# -- the system calls themselves

WORK = """
    import os, sys, threading
    from durability.jobs import Echo
    from taskqueue_edu import TaskQueue, WorkerPool

    def client(number):
        for n in range(6):
            task_id = queue.submit(Echo(n))
            os.write(1, f"submitted {task_id}\\n".encode())
            assert queue.wait_for_result(task_id, 60) == n
            os.write(1, f"succeeded {task_id}\\n".encode())

    with TaskQueue.open(sys.argv[1], sync=sys.argv[2]) as queue, WorkerPool(2) as pool:
        pool.start_processing(queue)
        threads = [threading.Thread(target=client, args=(n,)) for n in range(3)]
        for thread in threads: thread.start()
        threads[0].join()
        queue.compact()
        for thread in threads: thread.join()
"""


@pytest.mark.slow
@pytest.mark.skipif(bool(REASON), reason=REASON)
@pytest.mark.parametrize("sync", ["process", "always"])
def test_the_system_calls(folder: Path, tmp_path: Path, sync: str) -> None:
    """The kernel saw the write, and with "always" the end of a sync after it, before each id."""
    log = tmp_path / "trace"
    subprocess.run(
        [
            *(str(shutil.which("strace")), "-f", "-y", "-s", "9999", "-o", str(log)),
            *("-e", "trace=write,fdatasync,rename"),
            *(sys.executable, "-c", textwrap.dedent(WORK), str(folder), sync),
        ],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        timeout=60,
        check=True,
    )
    written: set[str] = set()
    synced: set[str] = set()
    pending: dict[str, set[str]] = {}
    told = 0
    for line in log.read_text(errors="replace").splitlines():
        thread, _, rest = line.partition(" ")
        rest = rest.strip()
        journal = re.match(r"(\w+)\(\d+<[^>]*journal\.(?:jsonl|new)>", rest)
        if journal and journal[1] == "write":
            fact = re.findall(r'\\"fact\\":\\"(\w+)\\".*?\\"id\\":\\"([0-9a-f-]+)\\"', rest)
            written |= {f"{kind} {task_id}" for kind, task_id in fact}
        elif journal and journal[1] == "fdatasync":
            pending[thread] = set(written)
            if rest.endswith("= 0"):
                synced |= pending.pop(thread)
        elif "fdatasync resumed" in rest:
            assert rest.endswith("= 0")
            synced |= pending.pop(thread, set())
        elif ack := re.match(r'write\(1<[^>]*>, "(\w+ [0-9a-f-]+)\\n"', rest):
            assert ack[1] in (synced if sync == "always" else written), line
            told += 1
    assert told == 36
    tried(f"acknowledgments traced by strace ({sync})", told)
