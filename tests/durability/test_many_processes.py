"""Many processes submit to one folder while its owner is killed again and again.

Each task costs two syncs of the disk. TASKQUEUE_EDU_EACH says how many there are: 200 where those
are slow, 2000 for a thorough run.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from taskqueue_edu import TaskQueue, TaskStatus, facts
from taskqueue_edu.journal import Inbox, read_facts
from taskqueue_edu.journal.follow import Follower

PROCESSES = 8
EACH = int(os.environ.get("TASKQUEUE_EDU_EACH", "1000"))
"""Tasks that each process submits."""
KILLS = 5
LIMIT = 60.0  # seconds that the test waits for a process before it fails

ENDS = {facts.SUCCEEDED, facts.FAILED, facts.CANCELLED, facts.DIED}

# Prints the id of each task once it is acknowledged. Every other task takes 2 ms, so that some run
# when the owner is killed.
SUBMITTER = """
import sys
from taskqueue_edu.catalogue import catalogue
from taskqueue_edu.facts import Submission
from taskqueue_edu.journal import Inbox
from taskqueue_edu.workloads import MathTask, SleepTask

inbox = Inbox(sys.argv[1])
for number in range(int(sys.argv[2])):
    task = SleepTask(0.002) if number % 2 else MathTask("sum", (number, 1))
    payload, _ = catalogue.encode(task)
    task_id = inbox.submit(Submission(catalogue.of(task).name, None, payload))
    print(task_id, number, flush=True)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.durability,
    pytest.mark.skipif(sys.platform == "win32", reason="a journal needs the locks of POSIX"),
    pytest.mark.timeout(200),
]


class Acknowledged:
    """What the submitting processes were told: the number of each task, by its id."""

    def __init__(self, folder: Path, each: int) -> None:
        self.numbers: dict[str, int] = {}
        # Notified when `numbers` grows, which it guards.
        self._changed = threading.Condition()
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-c", SUBMITTER, str(folder), str(each)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(PROCESSES)
        ]
        self._threads = [
            threading.Thread(target=self._listen, args=(process,)) for process in self._processes
        ]
        for thread in self._threads:
            thread.start()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                task_id, number = line.split()
                with self._changed:
                    assert task_id not in self.numbers
                    self.numbers[task_id] = int(number)
                    self._changed.notify_all()

    def wait_for(self, n: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.numbers) >= n, LIMIT)

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        for thread in self._threads:
            thread.join()


@contextmanager
def working(folder: Path, *options: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command `taskqueue work`; it is killed in the end, if it still runs then."""
    process = subprocess.Popen(
        [sys.executable, "-m", "taskqueue_edu", "work", str(folder), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **settings},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("each", "compact_at"), [(EACH, "0"), (EACH // 4, "50000")], ids=["facts", "compaction"]
)
def test_every_acknowledged_task_ends_exactly_once(
    tmp_path: Path, each: int, compact_at: str
) -> None:
    """What many processes submit while the owner is killed ends once each: none lost, none twice.

    That holds too if the journal is compacted all the while.
    """
    folder = tmp_path / "jobs"
    total = PROCESSES * each
    moments = random.Random(20_251_125)
    # No task dies of it: each may be running whenever the owner is killed.
    settings = {"TASKQUEUE_COMPACT_AT": compact_at, "TASKQUEUE_MAX_RECOVERIES": "100"}
    with closing(Acknowledged(folder, each)) as told:
        for n in sorted(moments.sample(range(1, total), KILLS)):
            with working(folder, "--forever", **settings) as owner:
                told.wait_for(n)
                # Where in its work, or in its start, it is now is anybody's guess.
                with pytest.raises(subprocess.TimeoutExpired):
                    owner.wait(moments.uniform(0.0, 0.5))
                owner.send_signal(signal.SIGKILL)
                assert owner.wait(LIMIT) == -signal.SIGKILL
        with working(folder, "--forever", **settings):
            told.wait_for(total)
    with working(folder, **settings) as owner:
        _, said = owner.communicate(timeout=LIMIT)
        assert owner.returncode == 0, said

    assert Inbox(folder).waiting() == []
    check(folder, told.numbers)


def check(folder: Path, numbers: dict[str, int]) -> None:
    with Follower(folder) as follower:
        records = {record.id: record for record in follower.records()}
        totals = follower.ledger.totals
    assert records.keys() == numbers.keys()
    assert {record.status for record in records.values()} == {TaskStatus.SUCCEEDED}
    for task_id, number in numbers.items():
        if number % 2 == 0:
            assert records[task_id].value == b"%d" % (number + 1)
    assert totals[facts.SUBMITTED] == len(numbers)
    assert {kind: totals[kind] for kind in ENDS} == {
        **dict.fromkeys(ENDS, 0),
        facts.SUCCEEDED: len(numbers),
    }
    assert totals[facts.STARTED] == len(numbers) + totals[facts.RECOVERED]
    # Line by line: one is the end of each task, be it a fact or what compaction made of it.
    ends = Counter(
        fact[1] for fact in read_facts(folder) if fact[0] in {*ENDS, facts.KEPT} and done(fact)
    )
    assert ends == dict.fromkeys(numbers, 1)
    with closing(TaskQueue.open(folder)) as queue:
        assert queue.registry.misfits == []
        assert len(queue.registry.records()) == len(numbers)


def done(fact: facts.RawFact) -> bool:
    return fact[0] != facts.KEPT or bool(fact[4].finished)
