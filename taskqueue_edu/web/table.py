"""The tasks as the page shows them: filtered, sorted, a page at a time; and one of them whole."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final, Self

import msgspec

from taskqueue_edu import facts
from taskqueue_edu.history import Event, JsonObject, iso, why
from taskqueue_edu.monitor import duration
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.state import TRANSITIONS
from taskqueue_edu.task import TaskStatus
from taskqueue_edu.web.backend import Told

SIZES: Final = (25, 50, 100)
"""How many tasks a page may have."""

MOST_TEXT: Final = 20_000
"""Characters of a result, a message or a traceback that the page gets; the rest is cut."""

_SUCCEEDED: Final = TaskStatus.SUCCEEDED
_SHORT: Final = 200  # characters of it in a row of the table


def _waited(record: TaskRecord, now: int) -> int:
    """Return how long it took from the submission to the last start, in nanoseconds."""
    if record.status is TaskStatus.PENDING and not record.started:
        return now - record.submitted
    return record.started - record.submitted if record.started else -1


def _ran(record: TaskRecord, now: int) -> int:
    if not record.started or record.status is TaskStatus.PENDING:
        return -1
    return (record.finished or now) - record.started


_SORTS: Final[dict[str, Callable[[TaskRecord, int], Any]]] = {
    "submitted": lambda record, _: record.submitted,
    "type": lambda record, _: record.type,
    "status": lambda record, _: record.status,
    "runs": lambda record, _: record.attempt,
    "waited": _waited,
    "ran": _ran,
    "worker": lambda record, _: record.worker,
}


@dataclass(frozen=True)
class Query:
    """Which tasks the page wants: an empty text selects all. Pages count from 1."""

    status: str = ""
    type: str = ""
    text: str = ""
    sort: str = "submitted"
    descending: bool = True
    page: int = 1
    size: int = SIZES[0]

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Self:
        """Return what the parameters of an address ask for. Raises ValueError."""
        query = cls(
            given.get("status", ""),
            given.get("type", ""),
            given.get("text", "").strip().lower(),
            given.get("sort", "submitted"),
            given.get("order", "descending") == "descending",
            int(given.get("page", "1")),
            int(given.get("size", SIZES[0])),
        )
        if query.status:
            TaskStatus(query.status)
        if query.sort not in _SORTS or query.size not in SIZES or query.page < 1:
            raise ValueError("there is no such order, size or page")
        return query

    def _selects(self, record: TaskRecord) -> bool:
        return (
            (not self.status or record.status == self.status)
            and (not self.type or record.type == self.type)
            and (not self.text or self.text in _searched(record))
        )

    def answer(self, records: Sequence[TaskRecord], now: int) -> JsonObject:
        """Return the page as an object for JSON. `records` are in the order of submission."""
        found = [record for record in records if self._selects(record)]
        if self.sort != "submitted":
            key = _SORTS[self.sort]
            found.sort(key=lambda record: key(record, now))
        if self.descending:
            found.reverse()
        pages = max(ceil(len(found) / self.size), 1)
        page = min(self.page, pages)
        start = (page - 1) * self.size
        return {
            "tasks": [row(record, now) for record in found[start : start + self.size]],
            "found": len(found),
            "all": len(records),
            "first": start + 1,
            "page": page,
            "pages": pages,
            "types": sorted({record.type for record in records}),
        }


def _searched(record: TaskRecord) -> str:
    """Return what the text is looked for in: id, type, worker, and why it has no result."""
    failure = record.failure
    error = "" if failure is None else f"{failure.type}: {failure.message}"
    return f"{record.id}\n{record.type}\n{record.worker}\n{record.reason}\n{error}".lower()


def row(record: TaskRecord, now: int) -> JsonObject:
    """Return a row of the table. `now` is in nanoseconds since 1970."""
    waited, ran = _waited(record, now), _ran(record, now)
    legal = TRANSITIONS[record.status]
    return {
        "id": record.id,
        "type": record.type,
        "status": record.status,
        "runs": record.attempt,
        "submitted": iso(record.submitted),
        "waited": "" if waited < 0 else duration(waited / 1e9),
        "ran": "" if ran < 0 else duration(ran / 1e9),
        "worker": record.worker,
        "why": why(record)[:_SHORT],
        "can": [
            name
            for name, kind in (("cancel", facts.CANCELLED), ("retry", facts.REVIVED))
            if kind in legal
        ],
    }


def whole(told: Told, now: int, *, json: bool) -> JsonObject:
    """Return all about a task as an object for JSON; `json` if its result is JSON already."""
    record, failure = told.record, told.failure
    return {
        **row(record, now),
        "priority": record.priority,
        "started": iso(record.started),
        "finished": iso(record.finished),
        "reason": _cut(record.reason),
        "result": _cut(_shown(record.value, json)) if record.status is _SUCCEEDED else None,
        "error": None if failure is None else _cut(f"{failure.type}: {failure.message}"),
        "traceback": None if failure is None else _cut(failure.traceback),
        "events": _events(told.events),
    }


def _events(events: Sequence[Event]) -> list[JsonObject]:
    told, before = [], 0
    for at, kind, note in events:
        after = duration((at - before) / 1e9) if 0 < before <= at else ""
        told.append({"at": iso(at), "after": after, "kind": kind, "note": _cut(note)})
        before = at
    return told


def _shown(value: Any, json: bool) -> str:
    if json:
        return str(msgspec.json.format(value, indent=2), "utf-8")
    try:
        return _REPR.repr(value)
    except Exception as error:  # an integer of 4,300 digits, or the value's own code
        return f"<{type(value).__qualname__} that can't be shown: {type(error).__qualname__}>"


_REPR: Final = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = MOST_TEXT
_REPR.maxlist = _REPR.maxtuple = _REPR.maxdict = _REPR.maxset = _REPR.maxfrozenset = 100


def _cut(text: str) -> str:
    if len(text) <= MOST_TEXT:
        return text
    return f"{text[:MOST_TEXT]}\n({len(text) - MOST_TEXT:,} characters more are not shown)"
