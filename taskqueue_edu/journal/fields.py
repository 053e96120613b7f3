"""What is in a line of each kind, and the fact that it stands for. msgspec checks the types."""

from __future__ import annotations

from sys import intern
from typing import Annotated, Final, TypeAlias

import msgspec

from taskqueue_edu import facts
from taskqueue_edu.facts import Failure, RawFact, Submission
from taskqueue_edu.ledger import FINISHED
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.task import TaskStatus

# The names of types and workers are interned below, for the same few are in all lines: of 333,334
# tasks whose records are kept that takes 62 MB less memory, and no more time.

_SUCCEEDED: Final = TaskStatus.SUCCEEDED
_OVER: Final = frozenset({TaskStatus.SUCCEEDED, TaskStatus.CANCELLED})

NO_JSON: Final = msgspec.Raw(b"")
"""In place of a task or value that is not there."""

Number: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""A whole number that every parser of JSON reads right (RFC 8259, section 6)."""
Moment: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=(2**63 - 1) // 1000)]
"""Microseconds since 1970 whose nanoseconds fit into 64 bits: up to the year 2262."""
Rank: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Time: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
Id: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


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


class Line(
    msgspec.Struct,
    tag_field="fact",
    omit_defaults=True,
    kw_only=True,
    forbid_unknown_fields=True,
    gc=False,  # a line refers to no other: the collector need not look at it
):
    """What all other lines begin with."""

    seq: Number
    at: Moment
    id: Id


class Retry(msgspec.Struct, omit_defaults=True):
    """A RetryPolicy."""

    attempts: int
    on: tuple[str, ...]
    delay: float
    factor: float
    max_delay: float
    jitter: float

    def policy(self) -> RetryPolicy:
        """Return the policy. Raises InvalidTask if a number is out of range."""
        return RetryPolicy(*msgspec.structs.astuple(self))


class Error(msgspec.Struct):
    """A Failure."""

    names: tuple[str, ...]
    message: str
    traceback: str

    def failure(self) -> Failure:
        """Return the failure."""
        return Failure(self.names, self.message, self.traceback)


class Submitted(Line, tag=facts.SUBMITTED, kw_only=True):
    """A task is new."""

    type: Name
    task: msgspec.Raw
    priority: Rank = 0
    due: Time | None = None
    retry: Retry | None = None

    def fact(self) -> RawFact:
        """Return the fact."""
        kind = intern(self.type)
        policy = None if self.retry is None else self.retry.policy()
        asked = Submission(kind, None, bytes(self.task), self.priority, self.due, policy)
        return facts.SUBMITTED, self.id, self.at * 1000, kind, asked


class Started(Line, tag=facts.STARTED, kw_only=True):
    """A worker has taken it."""

    worker: str
    attempt: Number

    def fact(self) -> RawFact:
        """Return the fact."""
        return facts.STARTED, self.id, self.at * 1000, intern(self.worker), self.attempt


class Succeeded(Line, tag=facts.SUCCEEDED, kw_only=True):
    """It has its result."""

    worker: str
    value: msgspec.Raw

    def fact(self) -> RawFact:
        """Return the fact."""
        return facts.SUCCEEDED, self.id, self.at * 1000, intern(self.worker), bytes(self.value)


class Failed(Line, tag=facts.FAILED, kw_only=True):
    """It raised, and is not tried again."""

    worker: str
    error: Error

    def fact(self) -> RawFact:
        """Return the fact."""
        return facts.FAILED, self.id, self.at * 1000, intern(self.worker), self.error.failure()


class Retried(Line, tag=facts.RETRIED, kw_only=True):
    """It raised, and is tried again."""

    worker: str
    error: Error
    due: Time

    def fact(self) -> RawFact:
        """Return the fact."""
        detail = (self.error.failure(), self.due)
        return facts.RETRIED, self.id, self.at * 1000, intern(self.worker), detail


class Reasoned(Line, kw_only=True):
    """Something happened of which there is no more to tell than the reason."""

    worker: str = ""
    reason: str

    def fact(self) -> RawFact:
        """Return the fact."""
        kind = str(self.__struct_config__.tag)
        return kind, self.id, self.at * 1000, intern(self.worker), self.reason


class Cancelled(Reasoned, tag=facts.CANCELLED):
    """Somebody cancelled it."""


class Released(Reasoned, tag=facts.RELEASED):
    """A graceful stop gave it back."""


class Recovered(Reasoned, tag=facts.RECOVERED):
    """Its worker or process died, and it is tried again."""


class Died(Reasoned, tag=facts.DIED):
    """It was recovered too often."""


class Revived(Reasoned, tag=facts.REVIVED):
    """Somebody put it back."""


class Kept(Line, tag=facts.KEPT, kw_only=True):
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
    retry: Retry | None = None
    task: msgspec.Raw = NO_JSON
    value: msgspec.Raw = NO_JSON
    error: Error | None = None

    def fact(self) -> RawFact:
        """Return what stands for all its facts. Raises ValueError if no life of a task is so."""
        kind, status = intern(self.type), self.status
        payload = None if self.task is NO_JSON else bytes(self.task)
        value = None if self.value is NO_JSON else bytes(self.value)
        if self.finished and status not in FINISHED:
            raise _mismatch("finished", status)
        if payload is None and status not in _OVER:
            raise _mismatch("task", status)
        if (value is None) is (status is _SUCCEEDED):
            raise _mismatch("value", status)
        policy = None if self.retry is None else self.retry.policy()
        record = TaskRecord(self.id, kind, None, payload, self.priority, self.due, policy)
        record.status, record.value = status, value
        record.submitted = at = self.at * 1000
        record.started, record.finished = self.started * 1000, self.finished * 1000
        record.worker, record.reason = intern(self.worker), self.reason
        record.attempt, record.recoveries = self.attempt, self.recoveries
        if self.error is not None:
            record.failure = self.error.failure()
        return facts.KEPT, self.id, at, kind, record


def _mismatch(name: str, status: TaskStatus) -> ValueError:
    return ValueError(f"{name!r} doesn't go with the status {status.value!r}")


AnyLine: TypeAlias = (
    Kept
    | Submitted
    | Started
    | Succeeded
    | Failed
    | Retried
    | Cancelled
    | Released
    | Recovered
    | Died
    | Revived
)
