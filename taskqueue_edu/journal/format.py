"""Facts to lines and back. Pure: bytes in, facts out."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from taskqueue_edu import facts
from taskqueue_edu.errors import JournalDamaged, StorageError
from taskqueue_edu.facts import Failure, RawFact, Submission
from taskqueue_edu.retry import RetryPolicy

NAME: Final = "taskqueue_edu"
VERSION: Final = 1


class _Line(msgspec.Struct, tag_field="fact", omit_defaults=True, kw_only=True):
    seq: int
    at: int
    id: str

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
    type: str
    task: msgspec.Raw
    priority: int = 0
    due: float | None = None
    retry: _Retry | None = None

    def who(self) -> str:
        return self.type

    def detail(self) -> Submission:
        policy = None if self.retry is None else RetryPolicy(*msgspec.structs.astuple(self.retry))
        return Submission(self.type, None, bytes(self.task), self.priority, self.due, policy)


class _Started(_Line, tag=facts.STARTED, kw_only=True):
    worker: str
    attempt: int

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
    due: float

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


_AnyLine: TypeAlias = (
    _Submitted
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


class Header(msgspec.Struct):
    """The first line of a journal."""

    journal: str
    version: int
    seq: int
    at: int


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(_AnyLine)
_SEAL: Final = re.compile(rb',"crc":"([0-9a-f]{8})"}\Z')
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


def header(at: int) -> bytes:
    """Return the first line of a new journal. `at` is in nanoseconds since 1970."""
    return seal(_encoder.encode(Header(NAME, VERSION, 0, at // 1000)))


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
    """Replace lone surrogates: an exception's message may hold them, JSON may not."""
    return text.encode("utf-8", "backslashreplace").decode()


@dataclass
class Scan:
    """What a journal's bytes hold. `end` is the length of the part that is whole."""

    facts: list[RawFact]
    end: int
    seq: int
    torn: bytes


def scan(data: bytes, path: Path) -> Scan:
    """Read a journal. A last line that is not whole, or whose checksum is wrong, is torn.

    Raises JournalDamaged if any other line is not as written, StorageError for a file of
    another program or a newer version.
    """
    found = Scan([], 0, -1, b"")
    for offset, line, whole in _lines(data):
        sealed = False
        try:
            if not whole:
                raise ValueError("the line doesn't end")
            check_seal(line)
            sealed = True
            if found.seq < 0:
                _check_header(line, path)
                seq = 0
            else:
                decoded = _decoder.decode(line)
                seq = decoded.seq
                found.facts.append(decoded.fact())
            if seq != found.seq + 1:
                raise ValueError(f"number {seq} follows number {found.seq}")
        except ValueError as error:  # msgspec's errors are ValueErrors
            if found.seq < 0 and not _SEAL.search(line) and not _begins_ours(data):
                raise StorageError(f"{path} is not a journal", hint=_FOREIGN) from error
            if not sealed and offset + len(line) + whole == len(data):
                found.torn = data[offset:]
                return found
            raise JournalDamaged(
                f"{path}, byte {offset}: {error}",
                hint="what comes before that byte is intact; keep the file and ask for help "
                "before you change anything.",
            ) from error
        found.seq, found.end = seq, offset + len(line) + 1
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


def _check_header(line: bytes, path: Path) -> None:
    found = msgspec.json.decode(line, type=Header)
    if found.journal != NAME:
        raise StorageError(f"{path} is a journal of {found.journal}, not of {NAME}", hint=_FOREIGN)
    if found.version > VERSION:
        raise StorageError(
            f"{path} has format version {found.version}; this program knows {VERSION}",
            hint="use the newer program that wrote it.",
        )


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
