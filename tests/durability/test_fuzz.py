"""Random and mutated journals: the reader raises nothing but its own errors, and runs nothing.

Run as a script, this file is the child process of its first test: an audit hook can't be taken
out of a process again (PEP 578).
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskqueue_edu.errors import StorageError, TaskQueueError
from taskqueue_edu.facts import RawFact
from taskqueue_edu.journal import JsonStore, lines, read_facts
from taskqueue_edu.journal import scan as reading
from taskqueue_edu.journal.scan import Scan, scan
from taskqueue_edu.journal.snapshot import snapshot
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.registry import fold
from taskqueue_edu.task import TaskStatus

PATH = Path("jobs/journal.jsonl")
LINES = 100_000
"""How many lines the child reads."""
LENGTH = 40
"""Lines of a journal."""
OPENED_EVERY = 50
"""Of so many journals, one is opened in a folder of its own."""
LIMIT = 60.0
"""Seconds that the child may take. It takes a fifth of that."""

CODE = frozenset(
    {
        "exec", "compile", "import", "code.__new__", "function.__new__", "pickle.find_class",
        "marshal.loads", "marshal.load", "os.system", "os.exec", "os.fork", "os.forkpty",
        "os.posix_spawn", "os.spawn", "os.startfile", "subprocess.Popen", "ctypes.dlopen",
        "socket.connect", "socket.bind", "webbrowser.open", "sys.settrace", "sys.setprofile",
    }
)  # fmt: skip
"""Audit events of whatever would be more than reading data."""

ID = '"9f3c51a0b7e2-%d"'
ERROR = '{"names":["OSError","Exception"],"message":"no","traceback":"Traceback"}'
RETRY = '{"attempts":3,"on":["OSError"],"delay":0.1,"factor":2.0,"max_delay":60.0,"jitter":0.5}'
REASONED = {"worker": '"worker-1"', "reason": '"because"'}
FIELDS: dict[str, dict[str, str]] = {
    "submitted": {
        "type": '"math"',
        "priority": "3",
        "due": "1764021660.5",
        "retry": RETRY,
        "task": '{"operands":[1,2,[3,"x"]]}',
    },
    "started": {"worker": '"worker-1"', "attempt": "1"},
    "succeeded": {"worker": '"worker-1"', "value": '{"sum":15}'},
    "failed": {"worker": '"worker-1"', "error": ERROR},
    "retried": {"worker": '"worker-1"', "error": ERROR, "due": "1764021660.5"},
    "cancelled": REASONED,
    "released": REASONED,
    "recovered": REASONED,
    "died": REASONED,
    "revived": REASONED,
    "kept": {
        "type": '"math"',
        "status": '"failed"',
        "started": "1764021600000001",
        "finished": "1764021600000002",
        "attempt": "2",
        "recoveries": "1",
        "reason": '"because"',
        "task": "{}",
        "error": ERROR,
    },
}
# JSON, or nearly, to put in place of a field. One line each, whatever it is.
ODD = [
    "null", "true", "false", "0", "-0", "-1", "1", "1.0", "1.5", "1e3", "1E400", "-1e999", "1e-999",
    "NaN", "Infinity", "01", "+1", "0x10", "9" * 19, "9" * 30, "-" + "9" * 30, "9" * 4_299,
    "9" * 5_000, "9007199254740993", "18446744073709551616", "-9223372036854775809",
    '""', '"x"', '"' + "x" * 10_000 + '"', r'"\ud800"', r'"\ud83d\ude00"', r'"\u0000"', '"\0"',
    r'"\x"', '"', '"../../etc/passwd"', '"os.system"', '"__import__(\'os\').system(\'id\')"',
    '"!!python/object/apply:os.system [id]"', '"9f3c51a0b7e2-' + "9" * 5_000 + '"',
    "[]", "{}", "[[]]", '{"a":1,"a":2}', '{"":{}}', '{"__class__":"os.system","args":["id"]}',
    "[" * 50_000, "[" * 300 + "]" * 300, "[" * 5_000 + "]" * 5_000,
    '{"a":' * 2_000 + "1" + "}" * 2_000,
    '"pending"', '"running"', '"succeeded"', '"failed"', '"cancelled"', '"dead"', '"kept"',
    ERROR, RETRY, '{"names":[],"message":"","traceback":""}', "'x'", "/* */", "1,2", "",
]  # fmt: skip


def fact(rng: random.Random, seq: int) -> dict[str, str]:
    """A sensible line as (name, JSON), of one of a few tasks."""
    kind = rng.choice([*FIELDS, "submitted", "started"])
    start = {"fact": f'"{kind}"', "seq": str(seq), "at": str(1764021600000000 + seq)}
    return {**start, "id": ID % rng.randint(1, 8), **FIELDS[kind]}


def sealed(fields: dict[str, str] | list[tuple[str, str]]) -> bytes:
    pairs = list(fields.items()) if isinstance(fields, dict) else fields
    text = "{" + ",".join(f'"{name}":{value}' for name, value in pairs) + "}"
    return lines.seal(text.encode("utf-8", "surrogatepass"))


def replaced(rng: random.Random, seq: int) -> bytes:
    """A line with some fields replaced, left out, added or doubled, and the right checksum."""
    pairs = list(fact(rng, seq).items())
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        n = rng.randrange(len(pairs))
        name, value = pairs[n]
        how = rng.randrange(8)
        if how < 5:
            pairs[n] = name, rng.choice(ODD)
        elif how == 5 and len(pairs) > 1:
            del pairs[n]
        elif how == 6:
            pairs.insert(n, (rng.choice([name, "more", "crc", "", "journal"]), rng.choice(ODD)))
        else:
            other = rng.choice([name for fields in FIELDS.values() for name in fields])
            pairs[n] = other, value
    return sealed(pairs)


def flipped(rng: random.Random, line: bytes) -> bytes:
    damaged = bytearray(line)
    for _ in range(rng.choice([1, 1, 2, 10])):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def resealed(rng: random.Random, line: bytes) -> bytes:
    """Bytes flipped, and the checksum right all the same."""
    body = line[: line.rindex(b',"crc"')]
    return lines.seal(flipped(rng, body) + b"}")


def cut(rng: random.Random, line: bytes) -> bytes:
    first, last = sorted((rng.randrange(len(line)), rng.randrange(len(line))))
    return line[:first] + line[last:]


def noise(rng: random.Random, line: bytes) -> bytes:
    return rng.choice(
        [bytes(64), rng.randbytes(rng.randrange(80)), b"\n", b"{}\n", b"\r\n", line[:-1]]
    )


MUTATIONS: list[Callable[[random.Random, bytes], bytes]] = [flipped, resealed, cut, noise]


def header(rng: random.Random) -> bytes:
    if rng.random() < 0.7:
        return lines.header(1_764_021_600_000_000_000)
    fields = {
        "journal": '"taskqueue_edu"',
        "version": rng.choice(["1", "2"]),
        "seq": "0",
        "at": "1764021600000000",
        "totals": '{"submitted":4}',
        "forgotten": '{"9f3c51a0b7e2":7}',
    }
    if rng.random() < 0.5:
        fields[rng.choice(list(fields))] = rng.choice(ODD)
    return sealed(fields) if rng.random() < 0.8 else flipped(rng, sealed(fields))


def journal(rng: random.Random) -> bytes:
    """A journal, some of whose lines are odd."""
    share = rng.choice([0.05, 0.3, 1.0])
    found = []
    for seq in range(1, LENGTH):
        line = sealed(fact(rng, seq))
        if rng.random() < share:
            other = rng.random() < 0.5
            line = replaced(rng, seq) if other else rng.choice(MUTATIONS)(rng, line)
        found.append(line)
    order = rng.randrange(6)
    if order == 0:
        rng.shuffle(found)
    elif order == 1:
        found += rng.choices(found, k=4)  # there twice
    elif order == 2:
        found[5:9] = [found[5][:-1] + found[6], found[8]]  # joined, and one is missing
    return header(rng) + b"".join(found)


def read(data: bytes) -> list[RawFact]:
    """Read a journal in every way there is, and assert what holds of any."""
    found = scan(data, PATH)
    assert found.end + len(found.torn) in (len(data), len(data) + 1)
    for damage in found.damage:
        assert data[damage.offset :].startswith(damage.data)
        assert damage.reason
    one_by_one(data, found)
    registry = fold(found.facts)
    counts = dict.fromkeys(TaskStatus, 0)
    for record in registry.records():
        assert record.status is not None
        counts[record.status] += 1
    assert registry.counts() == counts
    # A compaction keeps all of it, and what it writes can be read.
    again = scan(snapshot(scan(data, PATH), 1_000, None)[0], PATH)
    assert not again.damage
    assert not again.torn
    assert fold(again.facts).counts() == counts
    return found.facts


def one_by_one(data: bytes, found: Scan) -> None:
    """Assert that many lines read at once say what each says alone."""
    for size, read_block in ((1, reading._read), (500, reading._read), (500, lambda *_: None)):
        with mock.patch.multiple(reading, _BLOCK=size, _read=read_block):
            again = scan(data, PATH)
        assert [fact[:4] for fact in again.facts] == [fact[:4] for fact in found.facts]
        assert replace(again, facts=[]) == replace(found, facts=[])


def opened(data: bytes) -> None:
    """Open a journal, if need be by force; opened again, nothing is found in it any more."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "jobs"
        folder.mkdir()
        (folder / "journal.jsonl").write_bytes(data)
        try:
            TaskQueue.open(folder).close()
        except StorageError:
            assert (folder / "journal.jsonl").read_bytes() == data  # refused, so nothing changed
            store = JsonStore(folder)
            try:
                store.load(repair=True)
            finally:
                store.close()
        with TaskQueue.open(folder) as queue:
            assert queue.recovery is not None
            assert not queue.recovery.quarantined
            assert not queue.recovery.torn
            assert not queue.recovery.gaps
        read_facts(folder)


def fuzz(seed: int, count: int) -> Counter[str]:
    """Read `count` lines; return what became of them."""
    rng = random.Random(seed)
    seen: Counter[str] = Counter()
    while seen["lines"] < count:
        data = journal(rng)
        pieces = data.splitlines(keepends=True)
        seen["lines"] += len(pieces)
        try:
            seen["facts"] += len(read(data))
        except TaskQueueError:
            seen["journals refused"] += 1
        for piece in pieces:
            try:
                lines.decode_request(piece)
            except ValueError:
                seen["requests refused"] += 1
            else:
                seen["requests taken"] += 1
        seen["journals"] += 1
        if seen["journals"] % OPENED_EVERY == 0:
            with suppress(StorageError):  # of another program, or a newer version
                opened(data)
            seen["journals opened"] += 1
    return seen


def main(seed: int, count: int) -> None:
    fuzz(seed + 1, 5_000)  # whatever is imported on first use is there now
    events: Counter[str] = Counter()

    def hook(event: str, _: tuple[Any, ...]) -> None:
        if event in CODE:
            events[event] += 1

    sys.addaudithook(hook)
    seen = fuzz(seed, count)
    during = dict(events)
    eval("1")  # the hook does see it
    result = {"seen": seen, "events": during, "hooked": events["exec"] > 0}
    sys.stdout.write(json.dumps(result))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [20_251_125])
def test_nothing_but_errors_of_the_tree(seed: int) -> None:
    """Of 100,000 random and mutated lines, none raises another error, runs, imports or hangs."""
    child = subprocess.run(
        [sys.executable, __file__, str(seed), str(LINES)],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-4_000:]
    result = json.loads(child.stdout)
    assert result["events"] == {}
    assert result["hooked"]
    seen = result["seen"]
    assert seen["lines"] >= LINES
    # It was no fuzz of one kind: of each outcome there are many.
    assert min(seen["facts"], seen["requests taken"], seen["requests refused"]) > LINES // 10
    assert min(seen["journals refused"], seen["journals opened"]) > 10


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.sampled_from(["9f3c51a0b7e2-1", "9f3c51a0b7e2-2", *FIELDS, *TaskStatus]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
).map(json.dumps) | st.sampled_from(ODD)


@st.composite
def odd_lines(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from(list(FIELDS)))
    number, seq = draw(st.integers(1, 3)), draw(st.integers(1, 20))
    fields = {"fact": f'"{kind}"', "seq": str(seq), "at": "1764021600000000", "id": ID % number}
    fields |= FIELDS[kind]
    changed = draw(st.dictionaries(st.sampled_from(list(fields)), values, max_size=3))
    return sealed({**fields, **changed})


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(odd_lines() | st.binary(max_size=60), max_size=12), st.booleans())
def test_any_journal(pieces: list[bytes], whole: bool) -> None:
    """Whatever is in a journal, reading it gives facts or an error of the tree."""
    first = lines.header(1_764_021_600_000_000_000) if whole else b""
    with suppress(TaskQueueError):
        read(first + b"".join(pieces))
    for piece in pieces:
        with suppress(ValueError):
            lines.decode_request(piece)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
