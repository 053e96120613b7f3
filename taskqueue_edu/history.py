"""One task, told by its facts: as objects for JSON, and in words."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec

from taskqueue_edu import facts
from taskqueue_edu.facts import Fact, Failure
from taskqueue_edu.journal.follow import Follower
from taskqueue_edu.monitor import duration
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.task import TaskStatus

JsonObject: TypeAlias = dict[str, Any]


class Event(NamedTuple):
    """Something that happened to a task, in words. `at` is in nanoseconds since 1970."""

    at: int
    kind: str
    note: str


class History(NamedTuple):
    """What is known of a task: its record, its facts, and what the inbox asks for it."""

    record: TaskRecord
    facts: list[Fact]
    requests: list[Fact]

    def events(self) -> list[Event]:
        """Return what happened, and what is asked for, in words."""
        record, found, requests = self
        told = [Event(fact.at, fact.kind, _note(fact)) for fact in found]
        if record.finished and found and found[-1].kind == facts.KEPT:
            told.append(Event(record.finished, str(record.status), _ending(record)))
        told += [Event(r.at, f"({r.kind})", f"in the inbox: {_note(r)}") for r in requests]
        return told

    def failure(self) -> Failure | None:
        """Return the last failure of a run, with its traceback; None if no run failed."""
        failure = self.record.failure
        for fact in self.facts:
            if fact.kind in (facts.FAILED, facts.RETRIED):
                failure = fact.detail if fact.kind == facts.FAILED else fact.detail[0]
        return failure


def read_history(folder: Path, task_id: str) -> History:
    """Return what a folder has about a task. Raises UnknownTask, ResultExpired, StorageError."""
    with Follower(folder) as follower:
        requests = follower.requests(task_id)
        found = [fact for fact in follower.read() if fact[1] == task_id]
        record = follower.record(task_id, requests)
    if found:  # then its submission has been taken in, even if the request is still there
        requests = [request for request in requests if request[0] != facts.SUBMITTED]
    return History(record, [Fact(*f) for f in found], [Fact(*r) for r in requests])


# -- in words


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "").strip()


def why(record: TaskRecord) -> str:
    """Say in one line why the task failed, is dead, or was cancelled; "" if it was none of it."""
    if record.status is TaskStatus.FAILED and record.failure is not None:
        return _message(record.failure)
    if record.status in (TaskStatus.FAILED, TaskStatus.DEAD, TaskStatus.CANCELLED):
        return _first_line(f"{record.status}: {record.reason}")
    return ""


def _note(fact: Fact) -> str:
    detail = fact.detail
    match fact.kind:
        case facts.KEPT:
            return f"{fact.who}; compaction kept no more than how it stood"
        case facts.SUBMITTED:
            due = "" if detail.due is None else f", in {_until(detail.due, fact)}"
            priority = f", priority {detail.priority}" if detail.priority else ""
            return f"{fact.who} {detail.payload.decode()}{priority}{due}"
        case facts.STARTED:
            return f"run {detail}, by {fact.who}"
        case facts.SUCCEEDED:
            return str(detail.decode())
        case facts.FAILED:
            return _message(detail)
        case facts.RETRIED:
            return f"{_message(detail[0])}; again in {_until(detail[1], fact)}"
        case _:
            return str(detail)


def _ending(record: TaskRecord) -> str:
    run = f"run {record.attempt}, by {record.worker}: " if record.started else ""
    if record.value is not None:
        return run + str(record.value.decode())
    if record.failure is not None and record.status is TaskStatus.FAILED:
        return run + _message(record.failure)
    return record.reason


def _message(failure: Failure) -> str:
    return _first_line(f"{failure.type}: {failure.message}")


def _until(due: float, fact: Fact) -> str:
    return duration(max(due - fact.at / 1e9, 0.0))


# -- for JSON


def record_object(record: TaskRecord) -> JsonObject:
    """Return what JSON output says of a task. Times are ISO 8601 in UTC, null for not yet."""
    return {
        "id": record.id,
        "type": record.type,
        "status": record.status,
        "attempt": record.attempt,
        "priority": record.priority,
        "worker": record.worker or None,
        "submitted": iso(record.submitted),
        "started": iso(record.started),
        "finished": iso(record.finished),
        "value": None if record.value is None else msgspec.Raw(record.value),
        "error": None if record.failure is None else _error(record.failure),
        "reason": record.reason or None,
    }


def fact_object(fact: Fact) -> JsonObject:
    """Return what JSON output says of a fact."""
    found: JsonObject = {"at": iso(fact.at), "fact": fact.kind}
    detail = fact.detail
    match fact.kind:
        case facts.KEPT:
            return {**found, "type": fact.who}
        case facts.SUBMITTED:
            task = msgspec.Raw(detail.payload)
            due = None if detail.due is None else iso(int(detail.due * 1e9))
            return {
                **found,
                "type": fact.who,
                "task": task,
                "priority": detail.priority,
                "due": due,
            }
        case facts.STARTED:
            return {**found, "worker": fact.who, "attempt": detail}
        case facts.SUCCEEDED:
            return {**found, "worker": fact.who, "value": msgspec.Raw(detail)}
        case facts.FAILED:
            return {**found, "worker": fact.who, "error": _error(detail)}
        case facts.RETRIED:
            due = iso(int(detail[1] * 1e9))
            return {**found, "worker": fact.who, "error": _error(detail[0]), "due": due}
        case _:
            return {**found, "worker": fact.who or None, "reason": detail}


def _error(failure: Failure) -> JsonObject:
    return {
        "type": failure.type,
        "message": failure.message,
        "traceback": failure.traceback or None,
    }


def iso(nanoseconds: int) -> str | None:
    """Return a time as ISO 8601 in UTC; None for 0."""
    if not nanoseconds:
        return None
    time = datetime.fromtimestamp(nanoseconds / 1e9, UTC)
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")
