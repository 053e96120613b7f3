"""Bad input, by whichever door it comes in: one clear error or one piece put aside, no more."""

from __future__ import annotations

import json
import math
import os
import queue as queues
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from taskqueue_edu import facts
from taskqueue_edu.catalogue import catalogue, task_type
from taskqueue_edu.config import Config
from taskqueue_edu.errors import (
    ConfigError,
    InvalidTask,
    JournalDamaged,
    ResultNotStorable,
    StorageError,
    TaskFailed,
    TaskQueueError,
    UnknownTask,
)
from taskqueue_edu.executor import run_task
from taskqueue_edu.facts import Submission
from taskqueue_edu.journal import Inbox, JsonStore, PersistentQueue, lines
from taskqueue_edu.limits import MOST, Limits
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.task import TaskId, TaskStatus

LIMIT = 20.0
"""Seconds after which a wait has failed. None takes so long unless something is wrong."""

ID = "9f3c51a0b7e2-7"
"""An id as another process would make it."""

DIGITS = "9" * 5_000
"""More digits than Python converts: see sys.get_int_max_str_digits."""


@task_type("bad-input")
@dataclass(frozen=True)
class Thing:
    number: int = 0
    ratio: float = 0.0
    text: str = ""
    items: list[Any] = field(default_factory=list)

    def execute(self) -> int:
        return self.number


class Text(str):
    __slots__ = ()


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def nested_list(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth - 1):
        found = [found]
    return found


def run_next(queue: TaskQueue) -> None:
    """Run the next task of a queue without a pool, in this thread."""
    run = queue.dispatcher.claim("hand")
    assert run is not None
    queue.dispatcher.settle(run, *run_task(run))


def works(queue: TaskQueue) -> None:
    """Assert that the queue takes a task and has its result. It must hold no other that is due."""
    task_id = queue.submit(Thing(15), priority=1_000)
    run_next(queue)
    assert queue.wait_for_result(task_id, LIMIT) == 15


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose journal has a task that waits and one that has its result."""
    folder = tmp_path / "jobs"
    with TaskQueue.open(folder) as queue:
        works(queue)
        queue.submit(Thing(1))
    return folder


def journal(folder: Path) -> bytes:
    return (folder / "journal.jsonl").read_bytes()


def state(folder: Path, queue: TaskQueue) -> object:
    """What bad input must not change: the journal's bytes, and what the queue counts."""
    names = sorted(str(path) for path in folder.parent.rglob("*"))
    return journal(folder), queue.registry.counts(), queue.registry.totals(), names


@contextmanager
def refused(folder: Path, queue: TaskQueue, kind: type[TaskQueueError]) -> Iterator[None]:
    """Assert that the block raises one clear error, and that nothing else changes."""
    before = state(folder, queue)
    with pytest.raises(kind) as caught:
        yield
    assert caught.value.message
    assert len(str(caught.value)) < 2_000
    assert state(folder, queue) == before


def quarantined(folder: Path) -> list[dict[str, Any]]:
    path = folder / "quarantine.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


# -- through submit

BAD_TASKS: dict[str, Callable[[], Any]] = {
    "NaN": lambda: Thing(ratio=math.nan),
    "infinity": lambda: Thing(ratio=math.inf),
    "minus-infinity": lambda: Thing(ratio=-math.inf),
    "1e999": lambda: Thing(ratio=float("1e999")),
    "5000-digits": lambda: Thing(number=10**5_000),
    "deep": lambda: Thing(items=nested_list(50_000)),
    "one-too-deep": lambda: Thing(items=nested_list(MOST.nesting)),
    "duplicate-keys": lambda: Thing(items=[{1: "one", "1": "other"}]),
    "lone-surrogate": lambda: Thing(text="\ud800"),
    "text-for-int": lambda: Thing(number="1"),  # type: ignore[arg-type]
    "float-for-int": lambda: Thing(number=1.5),  # type: ignore[arg-type]
    "None-for-int": lambda: Thing(number=None),  # type: ignore[arg-type]
    "bytes-for-text": lambda: Thing(text=b"1"),  # type: ignore[arg-type]
    "tuple-for-list": lambda: Thing(items=(1,)),  # type: ignore[arg-type]
    "True-for-int": lambda: Thing(number=True),
    "True-for-float": lambda: Thing(ratio=True),
    "subclass-of-str": lambda: Thing(text=Text("x")),
    "a-set": lambda: Thing(items=[{1}]),
    "an-object": lambda: Thing(items=[object()]),
    "huge": lambda: Thing(text="x" * MOST.payload),
    "huge-once-escaped": lambda: Thing(text="\0" * (MOST.payload // 6)),
    "no-task": lambda: 5,
    "a-class": lambda: Thing,
    "unknown-type": lambda: type("Local", (), {"execute": lambda self: None})(),
}

BAD_ARGUMENTS: dict[str, dict[str, Any]] = {
    "priority-True": {"priority": True},
    "priority-float": {"priority": 1.0},
    "priority-text": {"priority": "1"},
    "priority-None": {"priority": None},
    "priority-2**53": {"priority": 2**53},
    "priority-5000-digits": {"priority": 10**5_000},
    "delay-NaN": {"delay": math.nan},
    "delay-infinity": {"delay": math.inf},
    "delay-negative": {"delay": -1},
    "delay-True": {"delay": True},
    "delay-text": {"delay": "1"},
    "delay-None": {"delay": None},
    "delay-5000-digits": {"delay": 10**5_000},
    "retry-text": {"retry": "twice"},
    "retry-int": {"retry": 2},
    "retry-a-class": {"retry": ValueError},
}


@pytest.mark.parametrize("name", BAD_TASKS)
def test_a_bad_task(folder: Path, name: str) -> None:
    """A task that JSON can't keep as it is is refused, alone or among others."""
    with TaskQueue.open(folder) as queue:
        for submit in (
            queue.submit,
            queue.submit_future,
            lambda task: queue.submit_many([Thing(2), task]),
        ):
            with refused(folder, queue, InvalidTask):
                submit(BAD_TASKS[name]())
        works(queue)


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_a_bad_argument(folder: Path, name: str) -> None:
    """A priority, a delay or a retry of the wrong type or size is refused."""
    with TaskQueue.open(folder) as queue:
        with refused(folder, queue, InvalidTask):
            queue.submit(Thing(2), **BAD_ARGUMENTS[name])
        with refused(folder, queue, InvalidTask):
            queue.submit_many([Thing(2)], **BAD_ARGUMENTS[name])
        works(queue)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc/passwd", "a\0b", "a\nb", "\ud800", "a" * 101, "1"]
)
def test_a_bad_name_of_a_type(name: str) -> None:
    """A name that could be taken for a path, or that is too long, is no name for a type."""
    with pytest.raises(InvalidTask, match="no name for a task type"):
        task_type(name)(Thing)


BAD_IDS = {
    "empty": "",
    "path-up": "../journal",
    "path": "a/b-1",
    "absolute": "/etc/passwd",
    "dots": "..",
    "NUL": "9f3c51a0b7e2-1\0",
    "newline": "9f3c51a0b7e2-1\n",
    "surrogate": "\ud800-1",
    "5000-digits": f"9f3c51a0b7e2-{DIGITS}",
    "19-digits": "9f3c51a0b7e2-9999999999999999999",
    "other-digits": "9f3c51a0b7e2-\u0663",
    "negative": "9f3c51a0b7e2--1",
    "zero": "9f3c51a0b7e2-0",
    "long": "a" * 100_000,
}


@pytest.mark.parametrize("name", BAD_IDS)
def test_a_bad_id(folder: Path, name: str) -> None:
    """What is no id is an unknown task, whatever is asked about it."""
    with TaskQueue.open(folder) as queue:
        for ask in (
            queue.status,
            queue.wait_for_result,
            queue.future,
            queue.cancel,
            queue.revive,
        ):
            before = state(folder, queue)
            with pytest.raises(UnknownTask):
                ask(TaskId(BAD_IDS[name]))
            assert state(folder, queue) == before
        works(queue)


@pytest.mark.parametrize("reason", [None, 5, b"because", ["because"]], ids=repr)
def test_a_bad_reason(folder: Path, reason: Any) -> None:
    """A reason that is no text is refused, and the task stays as it is."""
    with TaskQueue.open(folder) as queue:
        task_id = queue.submit(Thing(3))
        with refused(folder, queue, InvalidTask):
            queue.cancel(task_id, reason)
        with refused(folder, queue, InvalidTask):
            queue.revive(task_id, reason)
        with refused(folder, queue, InvalidTask):
            queue.cancel_pending(reason)
        assert queue.status(task_id) is TaskStatus.PENDING
        works(queue)


def test_a_huge_text_is_cut(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a message or a reason is, its line is one that the next process reads."""
    huge = "\0" * 400_000
    monkeypatch.setattr(lines, "MAX_LINE", 1_000_000)
    monkeypatch.setattr(lines, "MAX_TEXT", 50_000)

    @task_type("bad-input-raises")
    @dataclass(frozen=True)
    class Raises:
        def execute(self) -> None:
            raise ValueError(huge)

    with TaskQueue.open(folder) as queue:
        failing = queue.submit(Raises(), priority=1)
        run_next(queue)
        cancelled = queue.submit(Thing(4))
        queue.cancel(cancelled, huge)
    with TaskQueue.open(folder) as queue:
        assert queue.recovery is not None
        assert not queue.recovery.damaged
        assert queue.status(failing) is TaskStatus.FAILED
        assert queue.status(cancelled) is TaskStatus.CANCELLED


# -- through the inbox

# What no reader of JSON should take, as the JSON of a Thing.
BROKEN_JSON: dict[str, bytes] = {
    "NaN": b'{"ratio":NaN}',
    "infinity": b'{"ratio":-Infinity}',
    "deep": b'{"items":' + nested(100_000).encode() + b"}",
    "lone-surrogate": b'{"text":"\\ud800"}',
    "control-character": b'{"text":"\x01"}',
    "cut": b'{"number":1',
    "empty": b"",
    "two-values": b"{} {}",
    "not-JSON": b"number=1",
}
# Correct JSON that is no Thing.
WRONG_JSON: dict[str, bytes] = {
    "1e999": b'{"ratio":1e999}',
    "5000-digits": b'{"number":' + DIGITS.encode() + b"}",
    "one-too-deep": b'{"items":' + nested(MOST.nesting).encode() + b"}",
    "duplicate-keys": b'{"number":1,"number":2}',
    "text-for-int": b'{"number":"1"}',
    "float-for-int": b'{"number":1.5}',
    "null-for-int": b'{"number":null}',
    "True-for-int": b'{"number":true}',
    "unknown-field": b'{"number":1,"nmber":2}',
    "a-list": b"[1]",
    "huge": b'{"text":"' + b"x" * MOST.payload + b'"}',
}
# What the journal, a file of lines, could not hold as it is.
NO_LINE: dict[str, bytes] = {
    "newline": b'{"number":\n1}',
    "not-utf-8": b'{"text":"\xff"}',
}


def submitted(payload: bytes = b'{"number":2}', seq: int = 0, /, **fields: str) -> bytes:
    """Return the line of a submission, without its checksum. `fields` are JSON values, as text."""
    values = {
        "fact": '"submitted"',
        "seq": str(seq),
        "at": "1764021600000000",
        "id": f'"{ID}"',
        "type": '"bad-input"',
        **fields,
    }
    start = ",".join(f'"{name}":{value}' for name, value in values.items())
    return b'{%b,"task":%b}' % (start.encode("utf-8", "surrogatepass"), payload)


BAD_FIELDS: dict[str, dict[str, str]] = {
    "seq-5000-digits": {"seq": DIGITS},
    "seq-30-digits": {"seq": "9" * 30},
    "seq-NaN": {"seq": "NaN"},
    "seq-True": {"seq": "true"},
    "seq-negative": {"seq": "-1"},
    "seq-float": {"seq": "1.0"},
    "at-text": {"at": '"now"'},
    "at-null": {"at": "null"},
    "at-30-digits": {"at": "9" * 30},
    "at-negative": {"at": "-1"},
    "id-int": {"id": "7"},
    "id-empty": {"id": '""'},
    "id-long": {"id": '"' + "a" * 1_000 + '"'},
    "type-int": {"type": "7"},
    "type-long": {"type": '"' + "a" * 1_000 + '"'},
    "type-surrogate": {"type": r'"\ud800"'},
    "priority-True": {"priority": "true"},
    "priority-1e999": {"priority": "1e999"},
    "priority-30-digits": {"priority": "9" * 30},
    "due-1e999": {"due": "1e999"},
    "due-1e300": {"due": "1e300"},
    "due-text": {"due": '"soon"'},
    "retry-int": {"retry": "2"},
    "retry-out-of-range": {
        "retry": '{"attempts":-1,"on":[],"delay":0,"factor":1,"max_delay":1,"jitter":0}'
    },
    "fact-unknown": {"fact": '"exploded"'},
    "fact-list": {"fact": "[]"},
    "unknown-field": {"nmber": "1"},
}
BAD_REQUESTS: dict[str, bytes] = {
    **{f"task-{name}": submitted(json_) for name, json_ in BROKEN_JSON.items()},
    **{f"task-{name}": submitted(json_) for name, json_ in WRONG_JSON.items()},
    **{f"task-{name}": submitted(json_) for name, json_ in NO_LINE.items()},
    **{name: submitted(**fields) for name, fields in BAD_FIELDS.items()},
    "id-path": submitted(id='"../journal"'),
    "id-slash": submitted(id='"a/b"'),
    "id-of-another": submitted(id='"9f3c51a0b7e2-8"'),
    "a-result": b'{"fact":"succeeded","seq":0,"at":1,"id":"%b","worker":"","value":1}'
    % ID.encode(),
    "reason-int": b'{"fact":"cancelled","seq":0,"at":1,"id":"%b","reason":5}' % ID.encode(),
}
BAD_FILES: dict[str, bytes] = {
    **{name: lines.seal(body) for name, body in BAD_REQUESTS.items()},
    "no-bytes": b"",
    "no-checksum": submitted() + b"\n",
    "wrong-checksum": lines.seal(submitted()).replace(b'"number":2', b'"number":3'),
    "no-end": lines.seal(submitted())[:-1],
    "two-lines": lines.seal(submitted()) * 2,
    "zeros": bytes(4_096),
    "a-float": struct.pack("<d", math.nan),
}


class Owner(PersistentQueue):
    """A queue that says which requests of its inbox it took in."""

    def __init__(self, folder: Path) -> None:
        self.taken: queues.SimpleQueue[list[str]] = queues.SimpleQueue()
        super().__init__(JsonStore(folder))

    def take_in(self, records: Sequence[TaskRecord], *, bounded: bool) -> None:
        names = [record.id for record in records]
        super().take_in(records, bounded=bounded)
        self.taken.put(names)

    def await_request(self, task_id: str) -> None:
        while task_id not in self.taken.get(timeout=LIMIT):
            pass


def leave(folder: Path, name: str, data: bytes) -> Path:
    inbox = folder / "inbox"
    inbox.mkdir(exist_ok=True)
    path = inbox / name
    path.write_bytes(data)
    return path


def left(folder: Path) -> list[str]:
    """The names in the inbox, but for the bell."""
    return sorted(path.name for path in (folder / "inbox").iterdir() if path.name != "bell")


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_in_the_inbox(folder: Path, name: str) -> None:
    """A file that is no request is put aside with its bytes, and the journal stays as it is."""
    leave(folder, f"{ID}.submitted", BAD_FILES[name])
    before = journal(folder)
    with TaskQueue.open(folder) as queue:
        assert journal(folder) == before
        assert queue.registry.counts()[TaskStatus.PENDING] == 1
        assert left(folder) == []
        [piece] = quarantined(folder)
        assert piece["source"] == f"{ID}.submitted"
        assert piece["reason"]
        works(queue)
    with TaskQueue.open(folder) as queue:
        assert len(quarantined(folder)) == 1
        assert queue.recovery is not None
        assert not queue.recovery.damaged


def test_bad_files_while_the_owner_works(folder: Path) -> None:
    """No file in the inbox stops its reader: the requests after it are taken in."""
    with Owner(folder) as queue:
        for name, data in BAD_FILES.items():
            if len(data) < 10_000_000:
                leave(folder, f".{name}", data).rename(folder / "inbox" / f"{name}.submitted")
        good = Inbox(folder).submit(Submission("bad-input", None, b'{"number":4}'))
        queue.await_request(good)
        assert queue.status(good) is TaskStatus.PENDING
        works(queue)
    assert left(folder) == []
    assert len(quarantined(folder)) == sum(len(data) < 10_000_000 for data in BAD_FILES.values())


def test_a_file_of_too_many_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with more bytes than a line may have is not read, and none of its bytes is lost."""
    monkeypatch.setattr(lines, "MAX_LINE", 10_000)
    data = lines.seal(submitted(b'{"text":"%b"}' % (b"x" * 10_000)))
    leave(folder, f"{ID}.submitted", data)
    before = journal(folder)
    with TaskQueue.open(folder) as queue:
        assert journal(folder) == before
        [piece] = quarantined(folder)
        assert "10,000 bytes" in piece["reason"]
        [hidden] = left(folder)
        assert (folder / "inbox" / hidden).read_bytes() == data
        works(queue)
    with TaskQueue.open(folder):
        assert len(quarantined(folder)) == 1


def as_symlink(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(lines.seal(submitted()))
    path.symlink_to(target)


ODD_FILES: dict[str, Callable[[Path, Path], None]] = {
    "symlink": as_symlink,
    "dangling-symlink": lambda path, _: path.symlink_to("nowhere"),
    "symlink-to-itself": lambda path, _: path.symlink_to(path.name),
    "FIFO": lambda path, _: os.mkfifo(path),
    "folder": lambda path, _: path.mkdir(),
}


@pytest.mark.parametrize("kind", ODD_FILES)
def test_an_odd_file_in_the_inbox(tmp_path: Path, folder: Path, kind: str) -> None:
    """What is no regular file is neither followed nor read; it is noted once, and hidden."""
    (folder / "inbox").mkdir(exist_ok=True)
    ODD_FILES[kind](folder / "inbox" / f"{ID}.submitted", tmp_path)
    before = journal(folder)
    with TaskQueue.open(folder) as queue:
        assert journal(folder) == before
        [piece] = quarantined(folder)
        assert piece["source"] == f"{ID}.submitted"
        assert not (folder / "inbox" / f"{ID}.submitted").is_symlink()
        assert all(name.startswith(".") for name in left(folder))
        works(queue)
    with TaskQueue.open(folder):
        assert len(quarantined(folder)) == 1


@pytest.mark.parametrize(
    "name", ["\udcff.submitted", "\udcff-1.cancelled", " .submitted", "a b.revived", "-.submitted"]
)
def test_an_odd_name_in_the_inbox(folder: Path, name: str) -> None:
    """A file's name may be any bytes: the file is put aside all the same."""
    leave(folder, name, lines.seal(submitted()))
    with TaskQueue.open(folder) as queue:
        assert len(quarantined(folder)) == 1
        assert left(folder) == []
        works(queue)


@pytest.mark.parametrize("name", ["notes.txt", "submitted.", ".hidden.submitted", "x.started"])
def test_other_files_in_the_inbox(folder: Path, name: str) -> None:
    """A file that is not named like a request is left alone."""
    path = leave(folder, name, b"something else")
    with TaskQueue.open(folder) as queue:
        works(queue)
    assert path.read_bytes() == b"something else"
    assert quarantined(folder) == []


def test_a_request_of_an_unknown_type(folder: Path) -> None:
    """A task of a type that the owner doesn't know is not run: it waits in the journal."""
    task_id = Inbox(folder).submit(Submission("nobody-knows", None, b'{"a":1}'))
    with TaskQueue.open(folder) as queue:
        assert queue.status(task_id) is TaskStatus.PENDING
        assert queue.unknown_types == {"nobody-knows": 1}
        works(queue)
        run_next(queue)
        queue.join(0.0)  # nothing is left that can run
        assert queue.status(task_id) is TaskStatus.PENDING


BAD_SUBMISSIONS: dict[str, Submission] = {
    **{
        f"task-{name}": Submission("bad-input", None, json_)
        for name, json_ in {**BROKEN_JSON, **NO_LINE}.items()
    },
    "no-task": Submission("bad-input", None, None),
    "type-empty": Submission("", None, b"{}"),
    "type-surrogate": Submission("\ud800", None, b"{}"),
    "type-long": Submission("a" * 1_000, None, b"{}"),
    "type-None": Submission(None, None, b"{}"),  # type: ignore[arg-type]
    "priority-text": Submission("bad-input", None, b"{}", "1"),  # type: ignore[arg-type]
    "priority-True": Submission("bad-input", None, b"{}", True),
    "priority-2**70": Submission("bad-input", None, b"{}", 2**70),
    "due-NaN": Submission("bad-input", None, b"{}", 0, "soon"),  # type: ignore[arg-type]
    "due-1e300": Submission("bad-input", None, b"{}", 0, 1e300),
    "retry-text": Submission("bad-input", None, b"{}", retry="x"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", BAD_SUBMISSIONS)
def test_what_a_client_may_not_ask(folder: Path, name: str) -> None:
    """A client learns at once that no owner would take its task: it leaves no file."""
    inbox = Inbox(folder)
    with pytest.raises(InvalidTask):
        inbox.submit(BAD_SUBMISSIONS[name])
    assert left(folder) == []
    good = inbox.submit(Submission("bad-input", None, b'{"number":5}'))
    with TaskQueue.open(folder) as queue:
        assert queue.status(good) is TaskStatus.PENDING
        works(queue)


@pytest.mark.parametrize("name", BAD_IDS)
def test_a_client_with_a_bad_id(folder: Path, name: str) -> None:
    """What is no id names no file: nothing is written, in the inbox or out of it."""
    inbox = Inbox(folder)
    before = sorted(folder.parent.rglob("*"))
    for ask in (inbox.cancel, inbox.revive):
        with pytest.raises(InvalidTask):
            ask(BAD_IDS[name], "because")
    assert sorted(folder.parent.rglob("*")) == before


@pytest.mark.parametrize("reason", [None, 5, b"because"], ids=repr)
def test_a_client_with_a_bad_reason(folder: Path, reason: Any) -> None:
    """A client's reason must be text."""
    inbox = Inbox(folder)
    for ask in (inbox.cancel, inbox.revive):
        with pytest.raises(InvalidTask):
            ask(ID, reason)
    assert left(folder) == []


# -- over a limit that was set

EMPTY = b'{"number":0,"ratio":0.0,"text":"","items":[]}'
"""The JSON of a Thing()."""

AT_A_LIMIT: dict[str, tuple[Limits, Thing, Thing]] = {
    "payload": (Limits(payload=len(EMPTY) + 9), Thing(text="x" * 9), Thing(text="x" * 10)),
    "nesting": (Limits(nesting=3), Thing(items=[[1]]), Thing(items=[[[1]]])),
    "text": (Limits(text=9), Thing(text="é" * 9), Thing(text="é" * 10)),
}
"""A limit, the largest task that it takes, and one that is too large."""


@task_type("bad-input-echo")
@dataclass(frozen=True)
class Echo:
    made: str
    size: int

    def execute(self) -> Any:
        return nested_list(self.size) if self.made == "nesting" else "é" * self.size


@pytest.mark.parametrize("name", AT_A_LIMIT)
def test_a_task_over_a_limit(folder: Path, name: str) -> None:
    """A persistent queue takes a task at its limit, not above; a memory queue has no limit."""
    limits, largest, larger = AT_A_LIMIT[name]
    with TaskQueue.open(folder, limits=limits) as queue:
        with refused(folder, queue, InvalidTask):
            queue.submit(larger)
        with refused(folder, queue, InvalidTask):
            queue.submit_many([Thing(2), larger])
        with pytest.raises(InvalidTask, match=rf"bad-input: .*\(limits\.{name}\)"):
            queue.submit_future(larger)
        assert queue.status(queue.submit(largest)) is TaskStatus.PENDING
        works(queue)
    with TaskQueue(limits=limits) as queue:
        assert queue.status(queue.submit(larger)) is TaskStatus.PENDING


@pytest.mark.parametrize(
    ("name", "limits", "largest"),
    [
        ("payload", Limits(payload=62), 30),
        ("nesting", Limits(nesting=9), 9),
        ("text", Limits(text=9), 9),
    ],
)
def test_a_result_over_a_limit(folder: Path, name: str, limits: Limits, largest: int) -> None:
    """A result at a limit is kept; above it, its task has failed, and the limit is named."""
    with TaskQueue.open(folder, limits=limits) as queue:
        kept = queue.submit(Echo(name, largest), priority=2)
        failed = queue.submit(Echo(name, largest + 1), priority=1)
        run_next(queue)
        run_next(queue)
        assert queue.wait_for_result(kept, LIMIT) == Echo(name, largest).execute()
        with pytest.raises(TaskFailed, match=rf"limits\.{name}"):
            queue.wait_for_result(failed, LIMIT)
        failure = queue.registry.get(failed).failure
        assert failure is not None
        assert ResultNotStorable.__name__ in failure.names[0]


@pytest.mark.parametrize("type_", ["bad-input", "nobody-knows"])
@pytest.mark.parametrize("name", AT_A_LIMIT)
def test_a_request_over_a_limit(folder: Path, name: str, type_: str) -> None:
    """The owner takes in a request at its limit, and puts one above it aside, of any type."""
    limits, *tasks = AT_A_LIMIT[name]
    largest, larger = (
        Inbox(folder).submit(Submission(type_, None, catalogue.encode(task)[0])) for task in tasks
    )
    with TaskQueue.open(folder, limits=limits) as queue:
        assert queue.status(largest) is TaskStatus.PENDING
        assert not queue.knows(larger)
        [piece] = quarantined(folder)
        assert piece["source"] == f"{larger}.submitted"
        assert f"(limits.{name})" in piece["reason"]
        assert left(folder) == []
        works(queue)


@pytest.mark.parametrize("name", AT_A_LIMIT)
def test_a_lower_limit_loses_nothing(folder: Path, name: str) -> None:
    """Tasks and results that the journal has are read, run and compacted under a lower limit."""
    limits, _, larger = AT_A_LIMIT[name]
    size = 100 if name != "nesting" else 50
    with TaskQueue.open(folder) as queue:
        done = queue.submit(Echo(name, size), priority=1)
        run_next(queue)
        waiting = queue.submit(larger, priority=1)
    with TaskQueue.open(folder, limits=limits) as queue:
        assert queue.wait_for_result(done, LIMIT) == Echo(name, size).execute()
        queue.compact()
    with TaskQueue.open(folder, limits=limits) as queue:
        assert queue.recovery is not None
        assert not queue.recovery.damaged
        run_next(queue)
        assert queue.wait_for_result(waiting, LIMIT) == 0
        assert queue.wait_for_result(done, LIMIT) == Echo(name, size).execute()


def test_a_line_has_room_for_the_largest_task_and_result() -> None:
    """One line holds a task and a result of the largest size, and three texts of theirs."""
    assert 2 * MOST.payload + 3 * 6 * lines.MAX_TEXT <= lines.MAX_LINE


# -- through the journal

BAD_LINES: dict[str, bytes] = {
    **{f"task-{name}": submitted(json_, 900) for name, json_ in BROKEN_JSON.items()},
    **{name: submitted(**{"seq": "900", **fields}) for name, fields in BAD_FIELDS.items()},
    "a-second-header": lines.header(0)[:-18] + b"}",
    "a-list": b"[]",
    "no-fact": b'{"seq":900,"at":1,"id":"a"}',
    "failed-as-text": b'{"fact":"failed","seq":900,"at":1,"id":"a","worker":"","error":"no"}',
    "kept-without-task": b'{"fact":"kept","seq":900,"at":1,"id":"a","type":"t","status":"pending"}',
    "kept-without-value": b'{"fact":"kept","seq":900,"at":1,"id":"a","type":"t","finished":1,'
    b'"status":"succeeded"}',
    "kept-pending-and-finished": b'{"fact":"kept","seq":900,"at":1,"id":"a","type":"t","task":{},'
    b'"status":"pending","finished":1}',
    "kept-in-no-status": b'{"fact":"kept","seq":900,"at":1,"id":"a","type":"t","status":"lost"}',
}


def with_line(folder: Path, line: bytes) -> bytes:
    """Put a line into the middle of the journal, and return the journal's bytes."""
    first, *rest = journal(folder).splitlines(keepends=True)
    data = b"".join((first, rest[0], line, *rest[1:]))
    (folder / "journal.jsonl").write_bytes(data)
    return data


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_line_that_another_program_wrote(folder: Path, name: str) -> None:
    """A line that has the right checksum but makes no sense is refused; a repair puts it aside."""
    with TaskQueue.open(folder) as queue:
        counts = queue.registry.counts()
    before = with_line(folder, lines.seal(BAD_LINES[name]))
    with pytest.raises(JournalDamaged) as caught:
        TaskQueue.open(folder).close()
    assert "doctor --repair" in caught.value.hint
    assert len(str(caught.value)) < 2_000
    assert journal(folder) == before
    assert quarantined(folder) == []
    store = JsonStore(folder)
    try:
        store.load(repair=True)
    finally:
        store.close()
    assert len(quarantined(folder)) == 1
    with TaskQueue.open(folder) as queue:
        assert queue.registry.counts() == counts
        assert queue.recovery is not None
        assert not queue.recovery.damaged
        works(queue)
    assert len(quarantined(folder)) == 1


UNSEALED: dict[str, bytes] = {
    **{f"{name}-no-checksum": body + b"\n" for name, body in BAD_LINES.items()},
    **{
        f"{name}-wrong-checksum": body[:-1] + b',"crc":"00000000"}\n'
        for name, body in BAD_LINES.items()
    },
    "good-but-for-the-checksum": submitted(seq="900")[:-1] + b',"crc":"00000000"}\n',
    "zeros": bytes(4_096) + b"\n",
    "empty": b"\n",
    "not-utf-8": b"\xff\xfe\n",
}


@pytest.mark.parametrize("name", UNSEALED)
def test_a_damaged_line(folder: Path, name: str) -> None:
    """A line without the right checksum is put aside once, and the tasks around it are there."""
    with TaskQueue.open(folder) as queue:
        counts, totals = queue.registry.counts(), queue.registry.totals()
    with_line(folder, UNSEALED[name])
    with TaskQueue.open(folder) as queue:
        assert queue.registry.counts() == counts
        assert queue.registry.totals() == totals
        assert queue.recovery is not None
        assert len(queue.recovery.quarantined) == 1
        works(queue)
    with TaskQueue.open(folder) as queue:
        assert queue.recovery is not None
        assert not queue.recovery.damaged
    assert len(quarantined(folder)) == 1


def test_a_huge_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of more bytes than MAX_LINE is put aside unread."""
    monkeypatch.setattr(lines, "MAX_LINE", 10_000)
    with_line(folder, lines.seal(submitted(b'{"text":"%b"}' % (b"x" * 10_000), 900)))
    with TaskQueue.open(folder) as queue:
        assert queue.registry.counts()[TaskStatus.PENDING] == 1
        [piece] = quarantined(folder)
        assert "at most 10,000" in piece["reason"]
        works(queue)


@pytest.mark.parametrize("name", [name for name in WRONG_JSON if name != "huge"])
def test_a_wrong_task_in_the_journal(folder: Path, name: str) -> None:
    """A line whose task is no longer one of its type fails that task, with the reason."""
    last = json.loads(journal(folder).splitlines()[-1])["seq"]
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(lines.seal(submitted(WRONG_JSON[name], last + 1, priority="5")))
    with TaskQueue.open(folder) as queue:
        # A task that fails as it is built is settled by `claim`, which goes on to the next.
        run_next(queue)
        with pytest.raises(TaskFailed, match="InvalidTask"):
            queue.wait_for_result(ID, LIMIT)
        works(queue)


HEADERS: dict[str, bytes] = {
    "version-0": b'"version":0,"seq":0,"at":1,"totals":{},"forgotten":{}}',
    "version-text": b'"version":"2","seq":0,"at":1,"totals":{},"forgotten":{}}',
    "version-True": b'"version":true,"seq":0,"at":1,"totals":{},"forgotten":{}}',
    "version-5000-digits": b'"version":' + DIGITS.encode() + b',"seq":0,"at":1}',
    "version-30-digits": b'"version":' + b"9" * 30 + b',"seq":0,"at":1}',
    "seq-30-digits": b'"version":2,"seq":' + b"9" * 30 + b',"at":1,"totals":{},"forgotten":{}}',
    "seq-negative": b'"version":2,"seq":-5,"at":1,"totals":{},"forgotten":{}}',
    "no-totals": b'"version":2,"seq":0,"at":1}',
    "totals-text": b'"version":2,"seq":0,"at":1,"totals":{"submitted":"1"},"forgotten":{}}',
    "totals-30-digits": b'"version":2,"seq":0,"at":1,"totals":{"died":%b},"forgotten":{}}'
    % (b"9" * 30),
    "version-1-NaN": b'"version":1,"seq":NaN,"at":1}',
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_bad_header(folder: Path, name: str) -> None:
    """A header that makes no sense, or that is of a newer version, is refused."""
    rest = journal(folder).partition(b"\n")[2]
    before = lines.seal(b'{"journal":"taskqueue_edu",' + HEADERS[name]) + rest
    (folder / "journal.jsonl").write_bytes(before)
    with pytest.raises(StorageError) as caught:
        TaskQueue.open(folder).close()
    assert len(str(caught.value)) < 2_000
    assert journal(folder) == before


# -- through the configuration

BAD_TOML: dict[str, str] = {
    "NaN": "workers = nan",
    "infinity": "[retry]\ndelay = inf",
    "1e999": "[retry]\ndelay = 1e999",
    "NaN-for-float": "[retry]\njitter = nan",
    "5000-digits": f"workers = {DIGITS}",
    "5000-hex-digits": f"maxsize = 0x{DIGITS}",
    "deep": f"workers = {nested(50_000)}",
    "deep-tables": "workers = " + "{a = " * 50_000 + "1" + "}" * 50_000,
    "duplicate-keys": "workers = 1\nworkers = 2",
    "duplicate-tables": "[retry]\n[retry]",
    "lone-surrogate": 'store = "\\ud800"',
    "text-for-int": 'workers = "4"',
    "float-for-int": "workers = 4.0",
    "a-list": "workers = [4]",
    "a-date": "workers = 2026-01-01",
    "True-for-int": "workers = true",
    "True-for-float": "[retry]\ndelay = true",
    "huge-line": 'workers = "' + "x" * 5_000_000 + '"',
    "huge-name": "x" * 100_000 + " = 1",
    "path-as-name": '"../workers" = 1',
    "slash-as-name": '"a/b" = 1',
    "dotted-name": '"retry.delay" = 1',
    "unknown": "wrokers = 4",
    "unknown-table": "[workers]\nn = 4",
    "sync-unknown": 'sync = "sometimes"',
    "NUL": 'store = "a\\u0000b"',
    "empty-path": 'store = ""',
    "not-TOML": "workers: 4",
}


@pytest.mark.parametrize("name", BAD_TOML)
def test_a_bad_file_of_settings(tmp_path: Path, name: str) -> None:
    """A wrong setting in a file is named, with what was expected."""
    file = tmp_path / "taskqueue.toml"
    file.write_text(BAD_TOML[name])
    with pytest.raises(ConfigError) as caught:
        Config.load(file, {})
    assert str(file) in caught.value.message
    assert caught.value.hint
    assert len(str(caught.value)) < 2_000
    assert list(tmp_path.iterdir()) == [file]


def test_settings_that_are_no_utf_8(tmp_path: Path) -> None:
    """A file of settings in another encoding is refused."""
    file = tmp_path / "taskqueue.toml"
    file.write_bytes(b'store = "\xff"')
    with pytest.raises(ConfigError, match="UTF-8"):
        Config.load(file, {})


BAD_VARIABLES: dict[str, tuple[str, str]] = {
    "NaN": ("WORKERS", "nan"),
    "infinity": ("RETRY_DELAY", "inf"),
    "1e999": ("RETRY_DELAY", "1e999"),
    "NaN-for-float": ("RETRY_JITTER", "NaN"),
    "5000-digits": ("WORKERS", DIGITS),
    "5000-digits-for-float": ("RETRY_DELAY", DIGITS),
    "deep": ("WORKERS", nested(50_000)),
    "lone-surrogate": ("WORKERS", "\udcff"),
    "text-for-int": ("WORKERS", "four"),
    "float-for-int": ("WORKERS", "4.0"),
    "other-digits": ("WORKERS", "\u0664"),
    "spaces": ("WORKERS", " 4"),
    "underscores": ("WORKERS", "1_0"),
    "True-for-int": ("WORKERS", "true"),
    "empty": ("WORKERS", ""),
    "huge": ("WORKERS", "x" * 1_000_000),
    "path-as-name": ("../WORKERS", "4"),
    "slash-as-name": ("WORKERS/4", "4"),
    "unknown": ("WROKERS", "4"),
    "sync-unknown": ("SYNC", "sometimes"),
    "NUL": ("STORE", "a\0b"),
    "empty-path": ("STORE", ""),
}


@pytest.mark.parametrize("name", BAD_VARIABLES)
def test_a_bad_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A wrong setting in the environment is named, with what was expected."""
    monkeypatch.chdir(tmp_path)
    variable, value = BAD_VARIABLES[name]
    with pytest.raises(ConfigError) as caught:
        Config.load(None, {f"TASKQUEUE_{variable}": value})
    assert variable in caught.value.message
    assert len(str(caught.value)) < 2_000
    assert list(tmp_path.iterdir()) == []


# -- symbolic links, and other things that are not what they seem


def test_a_symlink_in_place_of_the_folder(tmp_path: Path, folder: Path) -> None:
    """A folder that is a symbolic link is refused, to the owner and to a client."""
    link = tmp_path / "link"
    link.symlink_to(folder)
    before = journal(folder), sorted(folder.iterdir())
    for use in (
        lambda: TaskQueue.open(link).close(),
        lambda: JsonStore(link).close(),
        lambda: Inbox(link),
    ):
        with pytest.raises(StorageError, match="symbolic link"):
            use()
    assert (journal(folder), sorted(folder.iterdir())) == before


@pytest.mark.parametrize("name", ["journal.jsonl", "lock", "inbox"])
@pytest.mark.parametrize("dangling", [False, True], ids=["", "dangling"])
def test_a_symlink_in_the_folder(
    tmp_path: Path, folder: Path, name: str, *, dangling: bool
) -> None:
    """A journal, a lock or an inbox that is a symbolic link is refused; the target stays as is."""
    path, target = folder / name, tmp_path / "elsewhere"
    path.rename(target) if path.exists() else target.mkdir()
    content = target.read_bytes() if target.is_file() else None
    if dangling:
        target.rename(tmp_path / "gone")
    path.symlink_to(target)
    kept = None if name == "journal.jsonl" else journal(folder)
    with pytest.raises(StorageError, match=r"symbolic link|not a regular file") as caught:
        TaskQueue.open(folder).close()
    assert name in caught.value.message
    assert target.exists() != dangling
    if not dangling:
        assert (target.read_bytes() if content is not None else None) == content
    assert kept is None or journal(folder) == kept
    path.unlink()
    (tmp_path / "gone" if dangling else target).rename(path)
    with TaskQueue.open(folder) as queue:
        works(queue)


def test_a_client_follows_no_symlink(tmp_path: Path, folder: Path) -> None:
    """A client leaves nothing where an inbox points to that is a symbolic link."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with suppress(FileNotFoundError):
        (folder / "inbox" / "bell").unlink()
        (folder / "inbox").rmdir()
    (folder / "inbox").symlink_to(elsewhere)
    with pytest.raises(StorageError, match="symbolic link"):
        Inbox(folder).submit(Submission("bad-input", None, b"{}"))
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("link", [True, False], ids=["a-symlink", "a-file"])
def test_a_bell_that_is_none(tmp_path: Path, folder: Path, *, link: bool) -> None:
    """A client rings only a FIFO: it writes no byte into what lies in its place."""
    bell, target = folder / "inbox" / "bell", tmp_path / "precious"
    bell.unlink(missing_ok=True)
    bell.parent.mkdir(exist_ok=True)
    target.write_bytes(b"precious")
    bell.symlink_to(target) if link else target.rename(bell)
    with Owner(folder) as queue:
        task_id = Inbox(folder).submit(Submission("bad-input", None, b"{}"))
        queue.await_request(task_id)
        works(queue)
    assert bell.read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["journal.jsonl", "lock"])
def test_a_fifo_in_the_folder(folder: Path, name: str) -> None:
    """A FIFO in place of a file is refused, and nobody waits for its other end."""
    path = folder / name
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StorageError, match="not a regular file"):
        TaskQueue.open(folder).close()


def test_a_quarantine_that_is_a_fifo(folder: Path) -> None:
    """Where damage can't be put aside, the journal is not opened, and stays as it is."""
    os.mkfifo(folder / "quarantine.jsonl")
    before = with_line(folder, b"damage\n")
    with pytest.raises(StorageError):
        TaskQueue.open(folder).close()
    assert journal(folder) == before


def test_facts_are_data(folder: Path) -> None:
    """A type that is named like something to import, and a task like code, is only text."""
    task_id = Inbox(folder).submit(
        Submission("os.system", None, b'{"__reduce__":["os.system",["echo hello"]]}')
    )
    with TaskQueue.open(folder) as queue:
        assert queue.status(task_id) is TaskStatus.PENDING
        assert queue.registry.totals()[facts.STARTED] == 1
        works(queue)
