"""The journal's format, byte by byte: what is written, what is read, what damage does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zlib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskqueue_edu import RetryPolicy, facts, journal
from taskqueue_edu.errors import StorageError
from taskqueue_edu.facts import Failure, RawFact, Submission
from taskqueue_edu.journal import read_facts
from taskqueue_edu.journal import scan as reading
from taskqueue_edu.journal.lines import VERSION, encode, header, kept, seal, unseal
from taskqueue_edu.journal.scan import UPGRADES, Damage, scan, upgraded
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.task import TaskStatus

GOLDEN = Path(__file__).parent / "data"
PATH = Path("jobs/journal.jsonl")
AT = 1_764_021_600_000_000_000
"""Nanoseconds since 1970. The journal keeps microseconds."""

FULL = Submission("flaky", None, b'{"fails":2}', 7, 1_764_021_660.5, RetryPolicy(5, (OSError,)))
FAILURE = Failure(
    ("ConnectionResetError", "ConnectionError", "OSError", "Exception", "BaseException"),
    'the line\nwas "cut" \ud800 \U0001f40d',
    "Traceback (most recent call last):\n  ...\n",
)

# One line of every kind, and of both kinds of submission.
FACTS: list[RawFact] = [
    (facts.SUBMITTED, "9f3c51a0b7e2-1", AT, "math", Submission("math", None, b'{"operands":[1]}')),
    (facts.SUBMITTED, "9f3c51a0b7e2-2", AT + 1_000, "flaky", FULL),
    (facts.STARTED, "9f3c51a0b7e2-1", AT + 2_000, "worker-1", 1),
    (facts.SUCCEEDED, "9f3c51a0b7e2-1", AT + 3_000, "worker-1", b'{"sum":15}'),
    (facts.RETRIED, "9f3c51a0b7e2-2", AT + 4_000, "worker-2", (FAILURE, 1_764_021_661.25)),
    (facts.FAILED, "9f3c51a0b7e2-2", AT + 5_000, "worker-2", FAILURE),
    (facts.REVIVED, "9f3c51a0b7e2-2", AT + 6_000, "", "put back by the client"),
    (facts.RELEASED, "9f3c51a0b7e2-2", AT + 7_000, "worker-2", "its worker stops"),
    (facts.RECOVERED, "9f3c51a0b7e2-2", AT + 8_000, "worker-2", "the process died"),
    (facts.DIED, "9f3c51a0b7e2-2", AT + 9_000, "worker-2", "too often"),
    (facts.CANCELLED, "9f3c51a0b7e2-3", AT + 10_000, "", "n\u00e3o \udcff"),
]


def lines_of(stored: list[RawFact]) -> list[bytes]:
    return [header(AT), *(encode(seq, fact) for seq, fact in enumerate(stored, start=1))]


# What compaction leaves: a header that carries counts on, and one line a task.
TOTALS = {facts.SUBMITTED: 4, facts.STARTED: 3, facts.SUCCEEDED: 2, facts.DIED: 0}
FORGOTTEN = {"9f3c51a0b7e2": 7, "00aa11bb22cc": 1}


def record(number: int, **fields: Any) -> TaskRecord:
    submission = fields.pop("submission", FULL)
    found = TaskRecord.of(f"9f3c51a0b7e2-{number}", submission)
    found.status, found.submitted = TaskStatus.PENDING, AT + number * 1_000
    for name, value in fields.items():
        setattr(found, name, value)
    return found


def ended(number: int, status: TaskStatus, **fields: Any) -> TaskRecord:
    times = {"started": AT + 20_000, "finished": AT + 30_000 + number * 1_000}
    found = record(number, status=status, worker="worker-1", attempt=2, **times)
    for name, value in fields.items():
        setattr(found, name, value)
    return found


DROPPED: dict[str, Any] = {"payload": None, "retry": None}
RECORDS = [
    record(8),
    record(9, submission=Submission("math", None, b"{}")),
    record(10, status=TaskStatus.RUNNING, started=AT + 20_000, worker="worker-1", attempt=1),
    ended(11, TaskStatus.SUCCEEDED, value=b'{"sum":15}', due=None, **DROPPED),
    ended(12, TaskStatus.FAILED, failure=FAILURE, recoveries=2),
    ended(13, TaskStatus.DEAD, reason="too often \udcff", recoveries=4),
    ended(
        14, TaskStatus.CANCELLED, reason="n\u00e3o", payload=None, retry=None, started=0, attempt=0
    ),
]

NEVER = b'{"attempts":0,"on":[],"delay":0,"factor":1,"max_delay":0,"jitter":0}'
LINES = lines_of(FACTS)
DATA = b"".join(LINES)
STARTS = [sum(map(len, LINES[:n])) for n in range(len(LINES) + 1)]
COMPACTED = header(AT, 20, TOTALS, FORGOTTEN) + b"".join(
    kept(seq, one) for seq, one in enumerate(RECORDS, start=21)
)


def text(value: str) -> str:
    """What becomes of a text with lone surrogates."""
    return value.encode("utf-8", "backslashreplace").decode()


def plain(fact: RawFact) -> tuple[Any, ...]:
    """Return a fact as values that can be compared, as they are after a journal."""

    def flat(detail: Any) -> Any:
        if isinstance(detail, Failure):
            return detail.names, text(detail.message), text(detail.traceback)
        if isinstance(detail, tuple):
            return tuple(map(flat, detail))
        return text(detail) if isinstance(detail, str) else detail

    kind, task_id, at, who, detail = fact
    return kind, task_id, at // 1_000 * 1_000, who, flat(detail)


def same(found: list[RawFact], expected: list[RawFact]) -> bool:
    return list(map(plain, found)) == list(map(plain, expected))


def whole_lines(data: bytes) -> int:
    """How many facts are complete in the first bytes of DATA."""
    return max(sum(start <= len(data) for start in STARTS) - 2, 0)


# -- what is written


@pytest.mark.parametrize(
    ("name", "data"),
    [("journal-v2.jsonl", DATA), ("journal-v2-compacted.jsonl", COMPACTED)],
)
def test_golden_file(name: str, data: bytes) -> None:
    """The bytes of a journal are those of version 2, to the last one: old files stay readable."""
    assert VERSION == 2
    assert (GOLDEN / name).read_bytes() == data


@pytest.mark.parametrize("version", [1, 2])
def test_golden_file_is_read(version: int) -> None:
    """A journal of any version gives the facts that went into it."""
    data = (GOLDEN / f"journal-v{version}.jsonl").read_bytes()
    found = scan(data, PATH)
    assert same(found.facts, FACTS)
    assert (found.version, found.end, found.seq, found.torn) == (version, len(data), 11, b"")
    assert (found.damage, found.gaps, found.duplicates) == ([], [], 0)
    assert found.header is not None
    assert (found.header.totals, found.header.forgotten) == ({}, {})


def test_the_golden_file_of_a_compacted_journal_is_read() -> None:
    """The line of a compacted task gives all that was known of it; counts are carried on."""
    carried, *stored = scan((GOLDEN / "journal-v2-compacted.jsonl").read_bytes(), PATH).facts
    totals = {kind: n for kind, n in TOTALS.items() if n}
    assert carried == (facts.CARRIED, "", AT, "", (totals, FORGOTTEN))
    assert [known(fact[4]) for fact in stored] == list(map(known, RECORDS))
    assert {fact[0] for fact in stored} == {facts.KEPT}
    assert {one.status for one in RECORDS} == set(TaskStatus)


def known(one: TaskRecord) -> tuple[Any, ...]:
    """Return all fields of a record as values that can be compared."""
    failure = one.failure
    return (
        *(one.id, one.type, one.status, one.submitted, one.started, one.finished, one.worker),
        *(one.attempt, one.recoveries, text(one.reason), one.priority, one.due, one.value),
        *(one.payload, one.retry),
        None if failure is None else plain((facts.FAILED, "", 0, "", failure))[4],
    )


def test_every_older_version_can_be_upgraded() -> None:
    """There is a golden file and an upgrade for each version before this one, line by line."""
    assert set(UPGRADES) == set(range(1, VERSION))
    for version in UPGRADES:
        lines = (GOLDEN / f"journal-v{version}.jsonl").read_bytes().splitlines()
        for old, new in zip(lines, LINES, strict=True):
            fields = json.loads(upgraded(unseal(old), version))
            expected = json.loads(unseal(new[:-1]))
            # The version stays what it was: the store rewrites the file as a whole.
            assert {**fields, "version": 0} == {**expected, "version": 0}


def test_every_kind_is_covered() -> None:
    """The golden file has a line of each kind of fact."""
    assert {fact[0] for fact in FACTS} == set(facts.KINDS)


@pytest.mark.parametrize("fact", FACTS, ids=[fact[0] for fact in FACTS])
def test_a_fact_survives(fact: RawFact) -> None:
    """What goes into a line comes out of it."""
    found = scan(header(AT) + encode(1, fact), PATH)
    assert same(found.facts, [fact])
    assert found.torn == b""


def test_lines_are_json_with_a_checksum() -> None:
    """Each line is one JSON object, numbered, whose checksum another program can verify."""
    for seq, line in enumerate(LINES):
        assert line.count(b"\n") == 1
        assert json.loads(line)["seq"] == seq
        # As the documentation has it:
        body, _, crc = line.rpartition(b',"crc":"')
        assert zlib.crc32(body) == int(crc[:8], 16)
    assert json.loads(LINES[0])["journal"] == "taskqueue_edu"


def test_the_documented_fields() -> None:
    """The fields of each kind are those that the documentation lists, in its order."""
    listed = re.search(r"depends on its kind.*?:\n\n(.*?)\n\n", journal.__doc__ or "", re.DOTALL)
    assert listed is not None
    fields: dict[str, list[str]] = {}
    table = re.sub(r"\n {8,}", " ", listed[1])  # a row may go on in the next line
    for kinds, rest in re.findall(r"^    ([a-z, ]+?)  +(.*)$", table, re.MULTILINE):
        for kind in kinds.split(", "):
            # Without defaults, remarks, and what is inside of an object.
            rest = re.sub(r"\{.*?\}|=[^,\s]*|  +due: .*", "", rest)
            fields[kind] = [name.strip(" ,") for name in rest.split(", ")]
    assert fields.keys() == {*facts.KINDS, facts.KEPT}
    assert '"version":2' in (journal.__doc__ or "")
    for fact, line in zip(FACTS, LINES[1:], strict=True):
        found = list(json.loads(line))
        assert found[:4] == ["fact", "seq", "at", "id"]
        assert set(found[4:-1]) <= set(fields[fact[0]])
        assert found[-1] == "crc"
    lines = [json.loads(line) for line in COMPACTED.splitlines()]
    assert list(lines[0]) == [*("journal", "version", "seq", "at", "totals", "forgotten", "crc")]
    for line in lines[1:]:
        assert list(line)[:4] == ["fact", "seq", "at", "id"]
        assert set(list(line)[4:-1]) <= set(fields[facts.KEPT])
    assert {name for line in lines[1:] for name in line} >= set(fields[facts.KEPT])
    full = json.loads(LINES[2])
    assert set(full) == {*("fact", "seq", "at", "id", "crc"), *fields[facts.SUBMITTED]}
    assert list(full["retry"]) == ["attempts", "on", "delay", "factor", "max_delay", "jitter"]


def test_defaults_are_left_out() -> None:
    """A line holds no field that says nothing."""
    assert set(json.loads(LINES[1])) == {*("fact", "seq", "at", "id", "type", "task", "crc")}
    assert "worker" not in json.loads(LINES[7])


def test_times_are_in_microseconds() -> None:
    """A time is written in microseconds since 1970: a whole number that JSON keeps exactly."""
    assert json.loads(LINES[1])["at"] == AT // 1_000
    line = encode(1, (facts.STARTED, "a-1", AT + 1_999, "w", 1))
    assert json.loads(line)["at"] == AT // 1_000 + 1


def test_payloads_are_kept_as_they_are() -> None:
    """A task's JSON is a part of the line, and comes back with the same bytes."""
    payload = b'{"a":"\xc3\xbc \\n","b":[1.50,{}]}'
    fact = (facts.SUBMITTED, "a-1", AT, "x", Submission("x", None, payload))
    line = encode(1, fact)
    assert b'"task":' + payload in line
    (found,) = scan(header(AT) + line, PATH).facts
    assert found[4].payload == payload


@pytest.mark.parametrize(
    "message",
    ["\ud800", "a\udc80b", "\udfff\ud800", "\0\n\r\x1f\x7f\u2028", '"crc":"00000000"}', ""],
)
def test_messages_that_json_may_not_hold(message: str) -> None:
    """An exception's message is kept whatever is in it; lone surrogates become escapes."""
    failure = Failure((f"mod{message}.Error",), message, message)
    line = encode(1, (facts.FAILED, "a-1", AT, "w", failure))
    (found,) = scan(header(AT) + line, PATH).facts
    assert found[4].message == found[4].traceback == text(message)
    assert found[4].names == (f"mod{text(message)}.Error",)
    json.loads(line)


def test_exceptions_that_misbehave_when_printed() -> None:
    """An exception that can't be printed is recorded all the same."""

    class Mute(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    class Strange(SyntaxError):
        text = 5  # type: ignore[assignment]
        lineno = 1
        filename = object()  # type: ignore[assignment]

    for error in (Mute(), Strange("x"), SystemExit(3), KeyboardInterrupt()):
        failure = Failure.of(error)
        line = encode(1, (facts.FAILED, "a-1", AT, "w", failure))
        (found,) = scan(header(AT) + line, PATH).facts
        assert found[4].names == failure.names
        assert found[4].type == failure.type
        assert type(error).__qualname__ in found[4].type
        assert found[4].traceback


# -- what is read after damage


def test_cut_at_every_byte() -> None:
    """Wherever the last write was cut: no error, every whole line is kept, and the rest too."""
    for length in range(len(DATA) + 1):
        data = DATA[:length]
        found = scan(data, PATH)
        count = whole_lines(data)
        assert same(found.facts, FACTS[:count])
        assert data[: found.end] + found.torn == data
        assert found.end in STARTS
        assert found.seq == (count if length >= STARTS[1] else -1)


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
def test_flip_every_byte(mask: int) -> None:
    """A byte that changed is noticed wherever it is; no changed fact is read, no other is lost."""
    for place in range(len(DATA)):
        data = bytearray(DATA)
        data[place] ^= mask
        line = sum(start <= place for start in STARTS) - 1
        hit = {line, line + 1} if place + 1 == STARTS[line + 1] else {line}
        found = scan(bytes(data), PATH)
        assert same(found.facts, [fact for n, fact in enumerate(FACTS, 1) if n not in hit])
        assert_all_accounted(bytes(data), found.damage, found.torn)
        assert not any(damage.sealed for damage in found.damage)
        lost = {offset for offset, *_ in found.damage} | ({found.end} if found.torn else set())
        assert STARTS[line] in lost


def assert_all_accounted(data: bytes, damage: list[Damage], torn: bytes) -> None:
    """Each line of the file is sealed, or among the damage with its place, or torn."""
    kept_aside = {offset: piece for offset, piece, *_ in damage}
    end, offset = len(data) - len(torn), 0
    assert data[end:] == torn
    for line in data[:end].split(b"\n")[:-1]:
        if offset in kept_aside:
            assert kept_aside.pop(offset) == line
        else:
            unseal(line)
        offset += len(line) + 1
    assert not kept_aside


@pytest.mark.parametrize("value", [b"\0", b" ", b"\n", b"\xff"])
def test_blocks_of_nothing(value: bytes) -> None:
    """A block of the disk that was lost takes those lines with it that it touched, no others."""
    for place in range(0, len(DATA), 64):
        block = DATA[place : place + 64]
        data = DATA[:place] + value * len(block) + DATA[place + 64 :]
        found = scan(data, PATH)
        touched = {
            n
            for n, (start, end) in enumerate(pairwise(STARTS))
            # A line also loses its own if the newline before it is gone.
            if start <= place + 64 and place < end
        }
        stored = list(map(plain, found.facts))
        assert all(plain(FACTS[n - 1]) in stored for n in range(1, 12) if n not in touched)
        assert all(fact in map(plain, FACTS) for fact in stored)
        assert_all_accounted(data, found.damage, found.torn)


@settings(derandomize=True, deadline=None)
@given(st.binary(max_size=300), st.integers(0, len(DATA)))
def test_garbage_is_never_read_as_a_fact(garbage: bytes, place: int) -> None:
    """Whatever bytes get into a journal, what is read from it are facts that were written."""
    try:
        found = scan(DATA[:place] + garbage, PATH)
    except StorageError:
        return
    # The garbage may happen to complete the line that it follows.
    assert same(found.facts, FACTS[: len(found.facts)])
    assert len(found.facts) >= whole_lines(DATA[:place])
    assert_all_accounted(DATA[:place] + garbage, found.damage, found.torn)


@pytest.mark.parametrize("missing", range(1, len(FACTS)))
def test_a_missing_line(missing: int) -> None:
    """A line that is gone shows as a gap in the numbers, and the others are read."""
    found = scan(b"".join(LINES[:missing] + LINES[missing + 1 :]), PATH)
    assert found.gaps == [(missing, missing)]
    assert same(found.facts, FACTS[: missing - 1] + FACTS[missing:])
    assert not found.damage


def test_missing_lines() -> None:
    """Gaps have the numbers of their first and last line; a header that is gone makes none."""
    found = scan(b"".join([*LINES[:3], *LINES[5:6], *LINES[9:]]), PATH)
    assert found.gaps == [(3, 4), (6, 8)]
    assert scan(b"".join(LINES[3:]), PATH).gaps == []


@pytest.mark.parametrize("place", [2, 5, len(FACTS) + 1])
def test_a_line_twice(place: int) -> None:
    """A line that is there twice, next to itself or later, counts once."""
    found = scan(b"".join([*LINES[:place], LINES[1], LINES[place - 1], *LINES[place:]]), PATH)
    assert same(found.facts, FACTS)
    assert (found.duplicates, found.damage, found.gaps) == (2, [], [])


@pytest.mark.parametrize(
    "body",
    [
        b'{"seq":1,"at":1,"id":"a-1","fact":"vanished"}',
        b'{"seq":1,"at":1,"id":"a-1"}',
        b'{"seq":1,"at":1,"fact":"started","worker":"w","attempt":1}',
        b'{"seq":1,"at":1.5,"id":"a-1","fact":"started","worker":"w","attempt":1}',
        b'{"seq":1,"at":1,"id":"a-1","fact":"submitted","type":"x","task":{},"priority":0.5}',
        b'{"seq":1,"at":1,"id":"a-1","fact":"submitted","type":"x","task":{},"retry":%b}' % NEVER,
        b"[1,2]",
        b"{}",
    ],
)
def test_a_line_that_says_something_else(body: bytes) -> None:
    """A line with a right checksum was written so: if it makes no sense, it is never torn."""
    line = seal(body)
    for data in (LINES[0] + line, LINES[0] + line + LINES[2]):
        found = scan(data, PATH)
        ((offset, piece, reason, sealed),) = found.damage
        assert (offset, piece, sealed, found.torn) == (STARTS[1], line[:-1], True, b"")
        assert reason


FIRST, SECOND, THIRD = (line[: line.rindex(b',"crc"')] + b"}" for line in LINES[2:5])
"""JSON objects without a seal."""


@pytest.mark.parametrize(
    "bodies",
    [
        # As many values as lines, though one is in two lines, and a line has two.
        [FIRST + b" " + SECOND, THIRD.replace(b'"value":', b'"value":[')[:-1], b",{}]}"],
        [FIRST + b" " + SECOND, THIRD.replace(b'"value":', b'"value":[')[:-1], b"{}]}"],
        [FIRST + b"," + SECOND],
        [FIRST + SECOND],
        [b"[" + FIRST + b"]"],
        [b"[" + FIRST, SECOND + b"]"],
        [FIRST[:-1] + b"\n}"],
        [FIRST.replace(b",", b",\n", 1)],
        [FIRST[:-1] + b"\n,"],
        [FIRST + b"}"],
        [b"}"],
        [b" }"],
    ],
)
def test_a_line_is_one_object(bodies: list[bytes]) -> None:
    """Right checksums don't make lines of what is more than one object, or less."""
    sealed = b"".join(map(seal, bodies))
    after = 2 + sealed.count(b'"fact"')
    found = scan(b"".join([*LINES[:2], sealed, LINES[after]]), PATH)
    assert same(found.facts, [FACTS[0], FACTS[after - 1]])
    assert b"".join(damage.data + b"\n" for damage in found.damage) == sealed


@pytest.mark.parametrize("size", [1, 200, 1_000])
@pytest.mark.parametrize("data", [DATA, COMPACTED, DATA[:-1], DATA + LINES[3], DATA + b"#\n"])
def test_blocks_of_any_size(data: bytes, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal says the same wherever it is cut for reading."""
    whole = scan(data, PATH)
    monkeypatch.setattr(reading, "_BLOCK", size)
    found = scan(data, PATH)
    assert [fact[:4] for fact in found.facts] == [fact[:4] for fact in whole.facts]
    assert replace(found, facts=[]) == replace(whole, facts=[])


def test_a_newer_version_is_refused() -> None:
    """A journal of a newer program is left to that program."""
    head = b'{"journal":"taskqueue_edu","version":3,"seq":0,"at":1,"new":[]}'
    with pytest.raises(StorageError, match="has format version 3; this program knows 2") as caught:
        scan(seal(head) + b"anything\n", PATH)
    assert type(caught.value) is StorageError
    assert "newer program" in caught.value.hint


@pytest.mark.parametrize("version", [0, -1])
def test_there_is_no_version_before_the_first(version: int) -> None:
    """A header of a version that never was is damage, which a program wrote."""
    found = scan(seal(b'{"journal":"taskqueue_edu","version":%d,"seq":0,"at":1}' % version), PATH)
    assert [damage.sealed for damage in found.damage] == [True]


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"hello\n",
        b"a,b\n1,2\n",
        b"{}",
        b'{"journal":"other"}\n',
        b'{"name":"x","crc":"00000000"',
        b"\n",
        b"\0\1\2" * 40,
        seal(b'{"journal":"another","version":1,"seq":0,"at":1}'),
    ],
)
def test_a_file_of_another_program_is_refused(data: bytes) -> None:
    """A file that is no journal is neither read nor cut, be it one line or many."""
    with pytest.raises(StorageError, match=str(PATH)) as caught:
        scan(data, PATH)
    assert type(caught.value) is StorageError
    assert "another folder" in caught.value.hint


def test_an_empty_file() -> None:
    """An empty file is the beginning of a journal."""
    assert scan(b"", PATH).seq == -1


# -- reading without owning


def test_read_facts(tmp_path: Path) -> None:
    """A journal can be read while its owner writes: a line that is not whole is left out."""
    (tmp_path / "journal.jsonl").write_bytes(DATA[:-3])
    assert same(read_facts(tmp_path), FACTS[:-1])
    assert [path.name for path in tmp_path.iterdir()] == ["journal.jsonl"]


def test_read_facts_of_nothing(tmp_path: Path) -> None:
    """A folder without a journal, or a journal that can't be read, is a StorageError."""
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(StorageError, match="there is no journal in"):
            read_facts(folder)
    (tmp_path / "journal.jsonl").mkdir()
    with pytest.raises(StorageError, match="can't read"):
        read_facts(tmp_path)


# -- properties

texts = st.text(st.characters(), max_size=20)
ids = st.text("0123456789abcdef-", min_size=1, max_size=20)
times = st.integers(0, 2**63 - 1)
failures = st.builds(Failure, st.lists(texts.map(text), min_size=1).map(tuple), texts, texts)
payloads = st.dictionaries(texts.map(text), st.integers() | texts.map(text)).map(
    lambda value: json.dumps(value, ensure_ascii=False).encode()
)
policies = st.builds(
    RetryPolicy,
    st.integers(1, 10**9),
    st.lists(texts.map(text)).map(tuple),
    *[st.floats(low, high) for low, high in ((0, 1e9), (1, 1e9), (0, 1e9), (0, 1))],
)
submissions = st.builds(
    Submission,
    ids,
    st.none(),
    payloads,
    st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(0, 1e12),
    st.none() | policies,
)
any_fact = (
    submissions.flatmap(
        lambda sub: st.tuples(st.just(facts.SUBMITTED), ids, times, st.just(sub.type), st.just(sub))
    )
    | st.tuples(st.just(facts.STARTED), ids, times, ids, st.integers(1, 10**9))
    | st.tuples(st.just(facts.SUCCEEDED), ids, times, ids, payloads)
    | st.tuples(st.just(facts.FAILED), ids, times, ids, failures)
    | st.tuples(st.just(facts.RETRIED), ids, times, ids, st.tuples(failures, st.floats(0, 1e12)))
    | st.tuples(st.sampled_from(facts.KINDS[5:]), ids, times, ids, texts)
)


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(any_fact, max_size=5))
def test_round_trip(stored: list[RawFact]) -> None:
    """Whatever facts are written, those are read."""
    found = scan(b"".join(lines_of(stored)), PATH)
    assert same(found.facts, stored)


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")
def test_the_documented_command(tmp_path: Path) -> None:
    """The jq command of the documentation lists the failures, with their messages."""
    command = re.search(r"`jq -r '(.*?)' journal\.jsonl`", journal.__doc__ or "")
    assert command is not None
    stored: list[RawFact] = [
        (facts.FAILED, "a-1", 1, "w", Failure(("ValueError",), "no such thing", "")),
        (facts.SUCCEEDED, "a-2", 2, "w", b"15"),
        (facts.FAILED, "a-3", 3, "w", Failure(("OSError",), 'the "disk" is full', "")),
    ]
    (tmp_path / "journal.jsonl").write_bytes(b"".join(lines_of(stored)))
    done = subprocess.run(
        ["jq", "-r", command[1], "journal.jsonl"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["a-1 no such thing", 'a-3 the "disk" is full']


def test_the_documented_check() -> None:
    """A line's seal can be checked by another program as the documentation shows it."""
    assert "zlib.crc32(body) == int(seal[:8], 16)" in (journal.__doc__ or "")
    for line in LINES:
        body, _, found = line.rpartition(b',"crc":"')
        assert zlib.crc32(body) == int(found[:8], 16)
