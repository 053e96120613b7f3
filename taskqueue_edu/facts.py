"""What can happen to a task. A *fact* is what is stored; everything else is computed from facts.

A fact is a plain tuple, `(kind, task_id, at, who, detail)`: three are made for every task, and
a tuple costs a tenth of what a NamedTuple does. `Fact` gives one names where people read it.

    kind        who            detail
    ---------   ------------   --------------------------------------------------
    submitted   type of task   the Submission
    started     worker         number of the attempt, from 1
    succeeded   worker         the value (a store of JSON gets it as JSON, in bytes)
    failed      worker         the Failure
    retried     worker         (the Failure, when it is due: seconds since 1970)
    cancelled   "" or worker   the reason
    released    worker         the reason: a graceful stop gave the task back
    recovered   worker         the reason: the worker or the process died
    died        worker         the reason: recovered too often
    revived     ""             the reason: somebody put it back

The registry's log, which the monitor reads, keeps neither tasks nor values alive. There the detail
says since when, in nanoseconds since 1970: a started task could run since then, and what ends a
run ends one that started then; 0 where a task ended, was submitted or put back without a run.

`at` is in nanoseconds since 1970 and never goes back within one process.
"""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from taskqueue_edu.retry import RetryPolicy, qualified_name
from taskqueue_edu.task import Task

SUBMITTED: Final = "submitted"
STARTED: Final = "started"
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
RETRIED: Final = "retried"
CANCELLED: Final = "cancelled"
RELEASED: Final = "released"
RECOVERED: Final = "recovered"
DIED: Final = "died"
REVIVED: Final = "revived"

KINDS: Final = (
    SUBMITTED,
    STARTED,
    SUCCEEDED,
    FAILED,
    RETRIED,
    CANCELLED,
    RELEASED,
    RECOVERED,
    DIED,
    REVIVED,
)

KEPT: Final = "kept"
"""No fact, but what compaction makes of all facts about a task: the detail is its TaskRecord."""

CARRIED: Final = "carried"
"""No fact either: what compaction took out. The detail is (totals by kind, forgotten ids)."""

RawFact: TypeAlias = tuple[str, str, int, str, Any]


class Fact(NamedTuple):
    """A fact with names: `Fact(*raw)`."""

    kind: str
    task_id: str
    at: int
    who: str
    detail: Any


# The monotonic clock is tied to wall time once, here. Setting the machine's clock during a run
# then can't make a duration negative, nor put facts in the wrong order.
_ANCHOR: Final = time.time_ns() - time.perf_counter_ns()


def now() -> int:
    """Return the time in nanoseconds since 1970, from a clock that never goes back."""
    return time.perf_counter_ns() + _ANCHOR


@dataclass(slots=True)
class Submission:
    """What a client asked for. `payload` is the task as JSON where the store keeps JSON.

    A higher `priority` runs first. `due` is in seconds since 1970, None for at once.
    """

    type: str
    task: Task[Any] | None
    payload: bytes | None
    priority: int = 0
    due: float | None = None
    retry: RetryPolicy | None = None


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as broken:  # __str__ is the task's own code
        return f"<str() of this {type(error).__qualname__} raised {type(broken).__qualname__}>"


class Failure:
    """Why a run failed: names of the exception's classes, its message, and its traceback.

    Only `exception` is lost when a failure crosses to another process or a journal.
    """

    __slots__ = ("_traceback", "exception", "message", "names")

    def __init__(
        self,
        names: tuple[str, ...],
        message: str,
        traceback: str,
        exception: BaseException | None = None,
    ) -> None:
        self.names = names
        self.message = message
        self.exception = exception
        self._traceback = traceback

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Describe `error`. Whatever it does when it is printed, this does not raise."""
        names = tuple(qualified_name(c) for c in type(error).__mro__ if c is not object)
        return cls(names, _message(error), "", error)

    @property
    def traceback(self) -> str:
        """The traceback as text, formatted when it is first asked for."""
        if not self._traceback and self.exception is not None:
            try:
                self._traceback = "".join(traceback.format_exception(self.exception))
            except Exception as broken:  # it may show what the task's own code put there
                self._traceback = f"<the traceback can't be shown: {type(broken).__qualname__}>"
        return self._traceback

    @property
    def type(self) -> str:
        """The qualified name of the exception's class."""
        return self.names[0] if self.names else "Exception"

    def __repr__(self) -> str:
        return f"Failure({self.type}: {self.message})"
