"""doctor, compact, status --dead, and what work says of a journal that it repaired."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cli_terminal import facts_in

from taskqueue_edu import TaskQueue
from taskqueue_edu.journal.lines import seal
from taskqueue_edu.workloads import MathTask

JOURNAL = Path("jobs/journal.jsonl")

# A task that takes its process with it.
DEADLY = """
import os
import signal
from dataclasses import dataclass
from taskqueue_edu import task_type

@task_type("deadly")
@dataclass(frozen=True)
class Deadly:
    def execute(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def make_journal(n: int = 3) -> list[str]:
    """Make a folder with n pending tasks, without the command."""
    with closing(TaskQueue.open("jobs")) as queue:
        return [queue.submit(MathTask("sum", (i,))) for i in range(n)]


def flip(number: int) -> bytes:
    """Change a byte in that line of the journal (0: the header); return the line as it is now."""
    lines = JOURNAL.read_bytes().splitlines(keepends=True)
    lines[number] = lines[number].replace(b'"id"', b'"iD"', 1)
    JOURNAL.write_bytes(b"".join(lines))
    return lines[number]


def tear() -> None:
    """Leave the last line half written."""
    JOURNAL.write_bytes(JOURNAL.read_bytes()[:-10])


def add_sealed() -> None:
    """Add a line with a right checksum that this program can't read, and one that it can."""
    lines = JOURNAL.read_bytes().splitlines(keepends=True)
    last = json.loads(lines[-1])
    del last["crc"]
    for fact in ({"fact": "painted", "color": "red"}, last):
        line = {"seq": last["seq"] + 1, **fact}
        line["seq"] = last["seq"] = last["seq"] + 1
        lines.append(seal(json.dumps(line, separators=(",", ":")).encode()))
    JOURNAL.write_bytes(b"".join(lines))


def doctor(call: Callable[..., Any], *words: str) -> tuple[int, Any]:
    found = call("doctor", "jobs", "--json", *words)
    return found.exit_code, json.loads(found.stdout)


def all_files() -> dict[str, bytes | None]:
    """Return every file in the folder, with its bytes; a bell has none."""
    return {
        str(path): path.read_bytes() if path.is_file() else None
        for path in sorted(Path("jobs").rglob("*"))
    }


def test_doctor_of_a_sound_folder(call: Callable[..., Any]) -> None:
    """A sound journal is exit code 0, with the version, and how many tasks are in which status."""
    make_journal()
    call("work", "jobs")
    call("submit", "jobs", "math", "operation=sum", "operands=[1]")
    before = all_files()
    code, found = doctor(call)
    assert code == 0
    assert found["sound"] is True
    assert (found["version"], found["facts"], found["found"]) == (2, 9, [])
    assert found["tasks"]["succeeded"] == 3
    assert found["inbox"] == {"submitted": 1}
    text = call("doctor", "jobs").stdout
    assert re.search(r"^tasks +3 succeeded$", text, re.MULTILINE)
    assert re.search(r"^found +no damage$", text, re.MULTILINE)
    assert all_files() == before


def test_doctor_of_an_inbox_alone(call: Callable[..., Any]) -> None:
    """A folder that nobody has opened yet is sound."""
    call("submit", "jobs", "math", "operation=sum", "operands=[1]")
    assert doctor(call)[0] == 0
    assert "none yet" in call("doctor", "jobs").stdout
    call("doctor", "jobs", "--repair")
    assert not JOURNAL.exists()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (tear, "the last line was torn"),
        (lambda: flip(2), "damage at byte"),
        (lambda: flip(1), "damage at byte"),
        (add_sealed, "Invalid value 'painted'"),
        (
            lambda: JOURNAL.write_bytes(b"".join(JOURNAL.read_bytes().splitlines(True)[::2])),
            "missing",
        ),
    ],
    ids=["torn", "flipped", "first", "sealed", "gap"],
)
def test_doctor_finds_and_repairs(
    call: Callable[..., Any], damage: Callable[[], object], said: str
) -> None:
    """Damage is exit code 1 and changes nothing; --repair puts it aside, and says so, once."""
    make_journal()
    damage()
    before = all_files()
    code, found = doctor(call)
    assert (code, found["sound"], found["repaired"]) == (1, False, [])
    assert said in "\n".join(found["found"])
    shown = call("doctor", "jobs")
    assert shown.exit_code == 1
    assert said in shown.stdout
    assert "taskqueue doctor jobs --repair" in shown.stderr
    assert all_files() == before

    repaired = call("doctor", "jobs", "--repair")
    assert repaired.exit_code == 0
    assert "Repaired in jobs:" in repaired.stderr
    assert said in repaired.stderr
    code, found = doctor(call)
    assert (code, found["sound"], found["found"]) == (0, True, [])
    assert sum(found["put_aside"].values()) == (said != "missing")
    assert doctor(call, "--repair")[1]["repaired"] == ["nothing: no damage was found"]


def test_doctor_keeps_the_bytes(call: Callable[..., Any]) -> None:
    """What --repair puts aside is in quarantine.jsonl, with where it was and why."""
    make_journal()
    line = flip(2)
    call("doctor", "jobs", "--repair")
    piece = json.loads(Path("jobs/quarantine.jsonl").read_text())
    assert piece["source"] == "journal.jsonl"
    assert piece["data"].encode() == line.removesuffix(b"\n")
    assert "checksum" in piece["reason"]


def test_doctor_names_requests_that_can_not_be_read(call: Callable[..., Any]) -> None:
    """A file in the inbox that is no request is named, with the reason; it is no damage."""
    make_journal()
    Path("jobs/inbox/aaaaaaaaaaaa-1.submitted").write_bytes(b"\x1b[2Jhello\n")
    code, found = doctor(call)
    assert code == 0
    assert found["unreadable"] == [
        "aaaaaaaaaaaa-1.submitted can't be read: the line has no checksum at its end"
    ]
    assert "can't be read" in call("doctor", "jobs").stdout


@pytest.mark.parametrize("text", ["hello\n", '{"journal":"taskqueue_edu","version":99,"seq":0}\n'])
def test_doctor_refuses_other_files(call: Callable[..., Any], text: str) -> None:
    """A file of another program, or of a newer version, is an error of the storage."""
    Path("jobs").mkdir()
    JOURNAL.write_bytes(text.encode() if "99" not in text else seal(text.strip().encode()))
    for words in (("doctor",), ("doctor", "--repair"), ("compact",), ("status",), ("work",)):
        found = call(words[0], "jobs", *words[1:])
        assert found.exit_code == 3, words
        assert "Error: jobs/journal.jsonl" in found.stderr


def test_work_says_what_it_repaired(call: Callable[..., Any]) -> None:
    """work repairs what a crash can do, says so in one block on standard error, and goes on."""
    make_journal()
    flip(1)
    tear()
    found = call("work", "jobs")
    assert found.exit_code == 0
    assert "jobs: 1 succeeded" in found.stdout
    assert found.stderr.count("Found in jobs:") == 1
    assert found.stderr.count("the last line was torn") == 1
    assert found.stderr.count("damage at byte") == 1
    assert "Found" not in call("work", "jobs").stderr


def test_repair_is_said_once_in_a_process_of_its_own(execute: Callable[..., Any]) -> None:
    """The warning that the library logs does not say it a second time."""
    make_journal()
    tear()
    found = execute("work", "jobs")
    assert found.returncode == 0
    assert found.stderr.count("torn") == 2, "the finding, and the name of the file"
    assert found.stderr.count("repaired") == 0


def test_work_refuses_what_no_disk_can_do(call: Callable[..., Any]) -> None:
    """A line that is as written and can't be read stops work, which says how to go on."""
    make_journal()
    add_sealed()
    before = JOURNAL.read_bytes()
    for command in ("work", "compact"):
        found = call(command, "jobs")
        assert found.exit_code == 3
        assert "taskqueue doctor --repair jobs" in found.stderr
    assert JOURNAL.read_bytes() == before
    assert call("status", "jobs").exit_code == 0


def test_compact(call: Callable[..., Any]) -> None:
    """compact makes the journal one line a task, and status and result say what they said."""
    ids = make_journal()
    call("work", "jobs")
    failing = call("submit", "jobs", "math", "operation=nope", "operands=[1]").stdout.strip()
    call("work", "jobs")
    counts = call("status", "jobs", "--json").stdout
    size = JOURNAL.stat().st_size
    found = call("compact", "jobs")
    assert found.exit_code == 0
    after = JOURNAL.stat().st_size
    assert found.stdout == f"jobs: {size:,} bytes before, {after:,} bytes after\n"
    assert after < size
    assert [fact["fact"] for fact in facts_in("jobs")] == ["kept"] * 4
    assert call("status", "jobs", "--json").stdout == counts
    assert [call("result", "jobs", i).stdout for i in ids] == ["0\n", "1\n", "2\n"]
    history = call("status", "jobs", failing).stdout
    assert "compaction" in history
    assert "ValueError: operation is 'nope'" in history
    assert "Traceback" in history
    assert re.search(
        r"succeeded +run 1, by worker-\d: 0 *\n", call("status", "jobs", ids[0]).stdout
    )
    shown = json.loads(call("status", "jobs", ids[0], "--json").stdout)
    assert (shown["status"], shown["value"]) == ("succeeded", 0)
    assert call("retry", "jobs", failing).exit_code == 0
    assert call("work", "jobs").exit_code == 1


def test_a_compacted_run_is_not_repeated(call: Callable[..., Any]) -> None:
    """After compaction, too, the same run with the same store submits nothing again."""
    for _ in range(2):
        found = call("run", "math", "--n", "5", "--store", "jobs")
        assert "5/5 done" in found.stderr
        call("compact", "jobs")
        call("compact", "jobs")


def test_compact_forgets_past_retain(call: Callable[..., Any]) -> None:
    """compact --retain keeps the newest results; of the others, it is known that they were."""
    ids = make_journal(5)
    call("work", "jobs", "--workers", "1")
    call("compact", "jobs", "--retain", "2")
    assert call("result", "jobs", ids[4]).stdout == "4\n"
    gone = call("result", "jobs", ids[0])
    assert gone.exit_code == 2
    assert "no longer kept" in gone.stderr
    assert "3 older tasks are not counted" in call("status", "jobs").stderr


def test_compact_takes_the_folder_from_the_settings(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a folder, compact takes the one that is set as `store`; else it is a mistake."""
    make_journal()
    assert call("compact").exit_code == 2
    monkeypatch.setenv("TASKQUEUE_STORE", "jobs")
    assert "jobs: " in call("compact").stdout


def test_owner_is_named(call: Callable[..., Any], terminal: Callable[..., Any]) -> None:
    """compact and --repair need the folder for themselves, and say which process has it."""
    call("submit", "jobs", "sleep", "seconds=600")
    run = terminal("work", "jobs")
    run.read_until("1/4 busy")
    for words in (("compact", "jobs"), ("doctor", "jobs", "--repair")):
        found = call(*words)
        assert found.exit_code == 3
        assert f"process {run.pid}" in found.stderr
    assert call("doctor", "jobs").exit_code == 0
    run.ctrl_c()
    assert run.end() == 130


@pytest.mark.slow
def test_dead_task(
    execute: Callable[..., Any], call: Callable[..., Any], write: Callable[..., Path]
) -> None:
    """A task that kills its process is dead in the end, listed with the reason, and put back."""
    path = write("cli_deadly.py", DEADLY)
    types = ("--import", path)
    task_id = execute("submit", "jobs", "deadly", *types).stdout.strip()
    settings = write("few.toml", "max_recoveries = 1\n")
    killed = [execute("work", "jobs", *types, "--config", settings) for _ in range(2)]
    assert [each.returncode for each in killed] == [-signal.SIGKILL] * 2
    assert "Found in jobs:" in killed[1].stderr
    assert "their process died" in killed[1].stderr
    assert "No task is dead" in call("status", "jobs", "--dead").stderr

    found = execute("work", "jobs", *types, "--config", settings)
    assert found.returncode == 1
    assert "too often" in found.stderr
    listed = call("status", "jobs", "--dead")
    assert task_id in listed.stdout
    assert "the process that ran it died; it was given back 1 times before" in listed.stdout
    assert "taskqueue retry jobs" in listed.stderr
    shown = json.loads(call("status", "jobs", "--dead", "--json").stdout)
    assert [(each["id"], each["status"]) for each in shown] == [(task_id, "dead")]

    assert call("retry", "jobs", task_id).exit_code == 0
    assert json.loads(call("status", "jobs", "--dead", "--json").stdout) == []
    assert execute("work", "jobs", *types).returncode == -signal.SIGKILL


def test_settings_reach_the_store(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """interval, retain_seconds and compact_at of the configuration are the queue's."""
    given: dict[str, Any] = {}
    original = TaskQueue.open

    def spy(folder: Any, **options: Any) -> TaskQueue:
        given.update(options)
        return original(folder, **options)

    monkeypatch.setattr(TaskQueue, "open", spy)
    Path("taskqueue.toml").write_text('sync = "interval"\ninterval = 0.5\nretain_seconds = 60\n')
    monkeypatch.setenv("TASKQUEUE_COMPACT_AT", "0")
    make_journal()
    assert call("work", "jobs").exit_code == 0
    assert given["compact_at"] is None
    assert (given["sync"], given["interval"], given["retain_seconds"]) == ("interval", 0.5, 60)


def test_compaction_by_itself(call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A run whose journal grows past compact_at ends with a shorter one, and loses no result."""
    monkeypatch.setenv("TASKQUEUE_COMPACT_AT", "20000")
    found = call("run", "math", "--n", "300", "--store", "jobs")
    assert found.exit_code == 0
    assert "kept" in {fact["fact"] for fact in facts_in("jobs")}
    counts = json.loads(call("status", "jobs", "--json").stdout)["counts"]
    assert counts["succeeded"] == 300
    assert call("doctor", "jobs").exit_code == 0
