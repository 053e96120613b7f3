"""Facts to lines and back. Pure: bytes in, facts out."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Final

import msgspec

from taskqueue_edu import facts
from taskqueue_edu.facts import Failure, RawFact
from taskqueue_edu.journal import fields
from taskqueue_edu.limits import MOST
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.retry import RetryPolicy

NAME: Final = "taskqueue_edu"
VERSION: Final = 2

MAX_LINE: Final = 4 * MOST.payload
"""The most bytes that a line may take: room for a task, its result, and the texts beside them."""

MAX_TEXT: Final = 2**20
"""The most characters that are kept of a message, a traceback or a reason."""

decoder: Final = msgspec.json.Decoder(fields.AnyLine)
"""Reads lines without their seals."""

_encoder: Final = msgspec.json.Encoder()
_SEAL: Final = re.compile(rb',"crc":"([0-9a-f]{8})"}\Z')
_ID: Final = re.compile(r"[0-9a-f]{12}-[1-9][0-9]{0,17}")
_NONE: Final[Mapping[str, int]] = {}
_REASONED: Final[dict[str, type[fields.Reasoned]]] = {
    facts.CANCELLED: fields.Cancelled,
    facts.RELEASED: fields.Released,
    facts.RECOVERED: fields.Recovered,
    facts.DIED: fields.Died,
    facts.REVIVED: fields.Revived,
}


def seal(body: bytes) -> bytes:
    """Close a JSON object with the checksum of its bytes, and end the line."""
    open_body = body[:-1]
    return b'%b,"crc":"%08x"}\n' % (open_body, zlib.crc32(open_body))


def unseal(line: bytes) -> bytes:
    """Return the JSON object that was made into that line (without its newline).

    Raises ValueError, with the reason, if the line is not as written.
    """
    match = _SEAL.search(line)
    if match is None:
        raise ValueError("the line has no checksum at its end")
    open_body = line[: match.start()]
    if int(match[1], 16) != zlib.crc32(open_body):
        raise ValueError("the checksum doesn't match")
    return open_body + b"}"


def header(
    at: int, seq: int = 0, totals: Mapping[str, int] = _NONE, forgotten: Mapping[str, int] = _NONE
) -> bytes:
    """Return the first line of a journal. `at` is in nanoseconds since 1970."""
    first = fields.Header(
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
    line = fields.Kept(
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
        task=fields.NO_JSON if payload is None else msgspec.Raw(payload),
        value=fields.NO_JSON if record.value is None else msgspec.Raw(record.value),
        error=None if failure is None else _error(failure),
    )
    return seal(_encoder.encode(line))


def encode(seq: int, fact: RawFact) -> bytes:
    """Return the line of a fact."""
    kind, task_id, at, who, detail = fact
    at //= 1000
    line: fields.Line
    if kind == facts.SUBMITTED:
        retry = detail.retry
        line = fields.Submitted(
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
        line = fields.Started(seq=seq, at=at, id=task_id, worker=who, attempt=detail)
    elif kind == facts.SUCCEEDED:
        line = fields.Succeeded(seq=seq, at=at, id=task_id, worker=who, value=msgspec.Raw(detail))
    elif kind == facts.FAILED:
        line = fields.Failed(seq=seq, at=at, id=task_id, worker=who, error=_error(detail))
    elif kind == facts.RETRIED:
        error, due = detail
        line = fields.Retried(seq=seq, at=at, id=task_id, worker=who, error=_error(error), due=due)
    else:
        line = _REASONED[kind](seq=seq, at=at, id=task_id, worker=who, reason=_text(detail))
    return seal(_encoder.encode(line))


def _policy(retry: RetryPolicy) -> fields.Retry:
    return fields.Retry(
        retry.attempts,
        tuple(map(_text, retry.on)),
        retry.delay,
        retry.factor,
        retry.max_delay,
        retry.jitter,
    )


def _error(failure: Failure) -> fields.Error:
    names = tuple(map(_text, failure.names))
    return fields.Error(names, _text(failure.message), _text(failure.traceback))


def _text(text: str) -> str:
    """Replace lone surrogates: an exception's message may hold them, JSON may not. Cut the rest.

    Without a limit, a line could get longer than `scan` reads.
    """
    if len(text) > MAX_TEXT:
        half = MAX_TEXT // 2
        text = f"{text[:half]} ({len(text) - 2 * half:,} characters cut) {text[-half:]}"
    return text.encode("utf-8", "backslashreplace").decode()


def decode_request(data: bytes) -> RawFact:
    """Return the fact that a request in the inbox asks for. Raises ValueError, with the reason."""
    if len(data) > MAX_LINE:
        raise ValueError(f"more than {MAX_LINE:,} bytes")
    if data.find(b"\n") != len(data) - 1:  # its task goes into a line of the journal as it is
        raise ValueError("that is not one line that ends")
    body = unseal(data[:-1])
    body.decode()  # the decoder doesn't look into the task
    try:
        fact: RawFact = decoder.decode(body).fact()
    except RecursionError as error:
        raise ValueError("lists and objects are nested too deep") from error
    if not _ID.fullmatch(fact[1]):
        raise ValueError(f"{fact[1][:100]!r} is no id")
    return fact
