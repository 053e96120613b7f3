"""Facts to lines and back. Pure: bytes in, facts out."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, TypeAlias

import msgspec

from taskqueue_edu import facts
from taskqueue_edu.errors import StorageError
from taskqueue_edu.facts import Failure, RawFact, Submission
from taskqueue_edu.limits import MOST
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.task import TaskStatus

NAME: Final = "taskqueue_edu"
VERSION: Final = 2

MAX_LINE: Final = 4 * MOST.payload
"""The most bytes that a line may take: room for a task, its result, and the texts beside them."""

MAX_TEXT: Final = 2**20
"""The most characters that are kept of a message, a traceback or a reason."""

_NO_JSON: Final = msgspec.Raw(b"")


Number: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""A whole number that every parser of JSON reads right (RFC 8259, section 6)."""
Moment: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=(2**63 - 1) // 1000)]
"""Microseconds since 1970 whose nanoseconds fit into 64 bits: up to the year 2262."""
Rank: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Time: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
Id: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class _Line(
    msgspec.Struct, tag_field="fact", omit_defaults=True, kw_only=True, forbid_unknown_fields=True
):
    seq: Number
    at: Moment
    id: Id
    crc: str = ""

    def fact(self) -> RawFact:
        kind = str(self.__struct_config__.tag)
        return kind, self.id, self.at * 1000, self.who(), self.detail()

    def who(self) -> str:
        return getattr(self, "worker", "")

    def detail(self) -> Any:
        return getattr(self, "reason", None)


class _Retry(msgspec.Struct, omit_defaults=True):
    attempts: int
    on: tuple[str, ...]
    delay: float
    factor: float
    max_delay: float
    jitter: float


class _Submitted(_Line, tag=facts.SUBMITTED, kw_only=True):
    type: Name
    task: msgspec.Raw
    priority: Rank = 0
    due: Time | None = None
    retry: _Retry | None = None

    def who(self) -> str:
        return self.type

    def detail(self) -> Submission:
        policy = None if self.retry is None else RetryPolicy(*msgspec.structs.astuple(self.retry))
        return Submission(self.type, None, bytes(self.task), self.priority, self.due, policy)


class _Started(_Line, tag=facts.STARTED, kw_only=True):
    worker: str
    attempt: Number

    def detail(self) -> int:
        return self.attempt


class _Succeeded(_Line, tag=facts.SUCCEEDED, kw_only=True):
    worker: str
    value: msgspec.Raw

    def detail(self) -> bytes:
        return bytes(self.value)


class _Error(msgspec.Struct):
    names: tuple[str, ...]
    message: str
    traceback: str


class _Failed(_Line, tag=facts.FAILED, kw_only=True):
    worker: str
    error: _Error

    def detail(self) -> Failure:
        return Failure(self.error.names, self.error.message, self.error.traceback)


class _Retried(_Failed, tag=facts.RETRIED, kw_only=True):
    due: Time

    def detail(self) -> Any:
        return super().detail(), self.due


class _Reasoned(_Line, kw_only=True):
    worker: str = ""
    reason: str


class _Cancelled(_Reasoned, tag=facts.CANCELLED):
    pass


class _Released(_Reasoned, tag=facts.RELEASED):
    pass


class _Recovered(_Reasoned, tag=facts.RECOVERED):
    pass


class _Died(_Reasoned, tag=facts.DIED):
    pass


class _Revived(_Reasoned, tag=facts.REVIVED):
    pass


class _Kept(_Line, tag=facts.KEPT, kw_only=True):
    """All that is known of a task, in one line: what compaction makes of its facts."""

    type: Name
    status: TaskStatus
    started: Moment = 0
    finished: Moment = 0
    worker: str = ""
    attempt: Number = 0
    recoveries: Number = 0
    reason: str = ""
    priority: Rank = 0
    due: Time | None = None
    retry: _Retry | None = None
    task: msgspec.Raw = _NO_JSON
    value: msgspec.Raw = _NO_JSON
    error: _Error | None = None

    def who(self) -> str:
        return self.type

    def detail(self) -> TaskRecord:
        self._check()
        policy = None if self.retry is None else RetryPolicy(*msgspec.structs.astuple(self.retry))
        payload = bytes(self.task) or None
        record = TaskRecord(self.id, self.type, None, payload, self.priority, self.due, policy)
        record.status = self.status
        record.submitted, record.started = self.at * 1000, self.started * 1000
        record.finished = self.finished * 1000
        record.worker, record.reason = self.worker, self.reason
        record.attempt, record.recoveries = self.attempt, self.recoveries
        record.value = bytes(self.value) or None
        if self.error is not None:
            error = self.error
            record.failure = Failure(error.names, error.message, error.traceback)
        return record

    def _check(self) -> None:
        """Raise ValueError for what no life of a task leaves behind."""
        may_run = self.status not in (TaskStatus.SUCCEEDED, TaskStatus.CANCELLED)
        for wrong, name in (
            (self.finished and not self.status.finished, "finished"),
            (may_run and not bytes(self.task), "task"),
            ((self.status is TaskStatus.SUCCEEDED) != bool(bytes(self.value)), "value"),
        ):
            if wrong:
                raise ValueError(f"{name!r} doesn't go with the status {self.status.value!r}")


_AnyLine: TypeAlias = (
    _Kept
    | _Submitted
    | _Started
    | _Succeeded
    | _Failed
    | _Retried
    | _Cancelled
    | _Released
    | _Recovered
    | _Died
    | _Revived
)
_REASONED: Final[dict[str, type[_Reasoned]]] = {
    facts.CANCELLED: _Cancelled,
    facts.RELEASED: _Released,
    facts.RECOVERED: _Recovered,
    facts.DIED: _Died,
    facts.REVIVED: _Revived,
}


class _About(msgspec.Struct):
    journal: str
    version: int


class Header(msgspec.Struct, kw_only=True):
    """The first line of a journal. The facts that compaction took out are counted in `totals`.

    `forgotten` has, for each prefix of ids, the highest number of a task that is kept no more.
    """

    journal: str
    version: int
    seq: Number
    at: Moment
    totals: dict[str, Number]
    forgotten: dict[str, Annotated[int, msgspec.Meta(ge=0)]]


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(_AnyLine)
_SEAL: Final = re.compile(rb',"crc":"([0-9a-f]{8})"}\Z')
_ID: Final = re.compile(r"[0-9a-f]{12}-[1-9][0-9]{0,17}")
_NONE: Final[Mapping[str, int]] = {}
_FOREIGN: Final = "choose another folder; nothing was changed in this one."


def seal(body: bytes) -> bytes:
    """Close a JSON object with the checksum of its bytes, and end the line."""
    open_body = body[:-1]
    return b'%b,"crc":"%08x"}\n' % (open_body, zlib.crc32(open_body))


def check_seal(line: bytes) -> None:
    """Raise ValueError, with the reason, if a line (without its newline) is not as written."""
    match = _SEAL.search(line)
    if match is None:
        raise ValueError("the line has no checksum at its end")
    if int(match[1], 16) != zlib.crc32(line[: match.start()]):
        raise ValueError("the checksum doesn't match")


def header(
    at: int, seq: int = 0, totals: Mapping[str, int] = _NONE, forgotten: Mapping[str, int] = _NONE
) -> bytes:
    """Return the first line of a journal. `at` is in nanoseconds since 1970."""
    first = Header(
        journal=NAME,
        version=VERSION,
        seq=seq,
        at=at // 1000,
        totals={kind: n for kind, n in totals.items() if n},
        forgotten=dict(forgotten),
    )
    return seal(_encoder.encode(first))


def kept(seq: int, record: TaskRecord, payload: bytes | None = None) -> bytes:
    """Return the line that stands for all facts about a task; `payload` is the task as JSON."""
    assert record.status is not None
    failure, retry = record.failure, record.retry
    payload = record.payload or payload
    line = _Kept(
        seq=seq,
        at=record.submitted // 1000,
        id=record.id,
        type=record.type,
        status=record.status,
        started=record.started // 1000,
        finished=record.finished // 1000,
        worker=record.worker,
        attempt=record.attempt,
        recoveries=record.recoveries,
        reason=_text(record.reason),
        priority=record.priority,
        due=record.due,
        retry=None if retry is None else _policy(retry),
        task=_NO_JSON if payload is None else msgspec.Raw(payload),
        value=_NO_JSON if record.value is None else msgspec.Raw(record.value),
        error=None if failure is None else _error(failure),
    )
    return seal(_encoder.encode(line))


def encode(seq: int, fact: RawFact) -> bytes:
    """Return the line of a fact."""
    kind, task_id, at, who, detail = fact
    at //= 1000
    line: _Line
    if kind == facts.SUBMITTED:
        retry = detail.retry
        line = _Submitted(
            seq=seq,
            at=at,
            id=task_id,
            type=who,
            task=msgspec.Raw(detail.payload),
            priority=detail.priority,
            due=detail.due,
            retry=None if retry is None else _policy(retry),
        )
    elif kind == facts.STARTED:
        line = _Started(seq=seq, at=at, id=task_id, worker=who, attempt=detail)
    elif kind == facts.SUCCEEDED:
        line = _Succeeded(seq=seq, at=at, id=task_id, worker=who, value=msgspec.Raw(detail))
    elif kind == facts.FAILED:
        line = _Failed(seq=seq, at=at, id=task_id, worker=who, error=_error(detail))
    elif kind == facts.RETRIED:
        line = _Retried(
            seq=seq, at=at, id=task_id, worker=who, error=_error(detail[0]), due=detail[1]
        )
    else:
        line = _REASONED[kind](seq=seq, at=at, id=task_id, worker=who, reason=_text(detail))
    return seal(_encoder.encode(line))


def _policy(retry: RetryPolicy) -> _Retry:
    return _Retry(
        retry.attempts,
        tuple(map(_text, retry.on)),
        retry.delay,
        retry.factor,
        retry.max_delay,
        retry.jitter,
    )


def _error(failure: Failure) -> _Error:
    names = tuple(map(_text, failure.names))
    return _Error(names, _text(failure.message), _text(failure.traceback))


def _text(text: str) -> str:
    """Replace lone surrogates: an exception's message may hold them, JSON may not. Cut the rest.

    Without a limit, a line could get longer than `scan` reads.
    """
    if len(text) > MAX_TEXT:
        half = MAX_TEXT // 2
        text = f"{text[:half]} ({len(text) - 2 * half:,} characters cut) {text[-half:]}"
    return text.encode("utf-8", "backslashreplace").decode()


def _from_1(line: dict[str, Any]) -> dict[str, Any]:
    """Version 2 came with compaction: the header counts what was taken out."""
    return {**line, "totals": {}, "forgotten": {}} if "journal" in line else line


UPGRADES: Final[dict[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {1: _from_1}
"""For each older version a pure function: a line of it, as a dict, to one of the next."""


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def upgraded(line: bytes, version: int) -> bytes:
    """Return a line of an older version as one of this version."""
    fields = json.loads(line, parse_constant=_refuse)
    for old in range(version, VERSION):
        fields = UPGRADES[old](fields)
    return _encoder.encode(fields)


class Damage(NamedTuple):
    """Bytes in the middle of a journal that are not as written.

    `sealed` if the checksum is right all the same: no disk did that, but another program.
    """

    offset: int
    data: bytes
    reason: str
    sealed: bool


@dataclass
class Scan:
    """What a journal's bytes hold.

    `end` is the length of the part before a torn last line, `seq` the number of the last line,
    `gaps` are the numbers (first, last) of lines that are missing.
    """

    facts: list[RawFact] = field(default_factory=list)
    header: Header | None = None
    end: int = 0
    seq: int = -1
    torn: bytes = b""
    damage: list[Damage] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    duplicates: int = 0
    version: int = VERSION


def scan(data: bytes, path: Path) -> Scan:
    """Read a journal, and pass over what is damaged.

    A last line that is not whole, or whose checksum is wrong, is torn. Raises StorageError for
    a file of another program or a newer version.
    """
    found = Scan()
    for offset, line, whole in _lines(data):
        sealed = False
        try:
            if not whole:
                raise ValueError("the line doesn't end")
            if len(line) > MAX_LINE:
                raise ValueError(f"{len(line):,} bytes, at most {MAX_LINE:,} make a line")
            check_seal(line)
            sealed = True
            if offset == 0:
                _read_header(line, found, path)
                assert found.header is not None
                seq = found.header.seq
                found.seq = seq - 1
            else:
                decoded = _decoder.decode(
                    line if found.version == VERSION else upgraded(line, found.version)
                )
                seq = decoded.seq
                fact = decoded.fact()
                if seq > found.seq:
                    found.facts.append(fact)
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
            if not sealed and offset + len(line) + whole == len(data) and (offset or not whole):
                found.torn = data[offset:]
                break
            found.damage.append(Damage(offset, line, str(error), sealed))
        else:
            if seq <= found.seq:
                found.duplicates += 1
            elif found.seq >= 0 and seq > found.seq + 1:
                found.gaps.append((found.seq + 1, seq - 1))
            found.seq = max(seq, found.seq)
        found.end = offset + len(line) + 1
    if found.header is None and not found.facts and data and not _begins_ours(data):
        raise StorageError(f"{path} is not a journal", hint=_FOREIGN)
    return found


def _begins_ours(data: bytes) -> bool:
    start = b'{"journal":"%b",' % NAME.encode()
    return data[: len(start)] == start[: len(data)]


def _lines(data: bytes) -> Iterator[tuple[int, bytes, bool]]:
    offset = 0
    while offset < len(data):
        end = data.find(b"\n", offset)
        if end < 0:
            yield offset, data[offset:], False
            return
        yield offset, data[offset:end], True
        offset = end + 1


def _read_header(line: bytes, found: Scan, path: Path) -> None:
    about = msgspec.json.decode(line, type=_About)
    if about.journal != NAME:
        raise StorageError(f"{path} is a journal of {about.journal}, not of {NAME}", hint=_FOREIGN)
    if about.version > VERSION:
        raise StorageError(
            f"{path} has format version {about.version}; this program knows {VERSION}",
            hint="use the newer program that wrote it.",
        )
    if about.version < 1:
        raise ValueError(f"there is no format version {about.version}")
    if about.version < VERSION:
        line = upgraded(line, about.version)
    found.version = about.version
    first = found.header = msgspec.json.decode(line, type=Header)
    if first.totals or first.forgotten:
        carried = (first.totals, first.forgotten)
        found.facts.append((facts.CARRIED, "", first.at * 1000, "", carried))


def decode_request(data: bytes) -> RawFact:
    """Return the fact that a request in the inbox asks for. Raises ValueError, with the reason."""
    if len(data) > MAX_LINE:
        raise ValueError(f"more than {MAX_LINE:,} bytes")
    if data.find(b"\n") != len(data) - 1:  # its task goes into a line of the journal as it is
        raise ValueError("that is not one line that ends")
    check_seal(data[:-1])
    data.decode()  # the decoder doesn't look into the task
    try:
        fact: RawFact = _decoder.decode(data[:-1]).fact()
    except RecursionError as error:
        raise ValueError("lists and objects are nested too deep") from error
    if not _ID.fullmatch(fact[1]):
        raise ValueError(f"{fact[1][:100]!r} is no id")
    return fact


def read_facts(folder: Path) -> list[RawFact]:
    """Return the facts in a folder's journal without opening it: its owner may be at work.

    A line that is not whole yet is left out. Raises StorageError, JournalDamaged.
    """
    path = folder / "journal.jsonl"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise StorageError(
            f"there is no journal in {folder}",
            hint="check the folder's name; `taskqueue submit` or TaskQueue.open() makes one.",
        ) from None
    except OSError as error:
        raise StorageError(f"can't read {path}: {error.strerror}") from error
    return scan(data, path).facts
