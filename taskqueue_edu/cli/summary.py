"""What came out of a run: counts, times, failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from taskqueue_edu import facts
from taskqueue_edu.cli.group import TASK_FAILED
from taskqueue_edu.cli.output import console, plain
from taskqueue_edu.errors import UnknownTask
from taskqueue_edu.history import why
from taskqueue_edu.monitor import duration
from taskqueue_edu.pool import WorkerPool
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.sketch import Sketch
from taskqueue_edu.task import TaskStatus

if TYPE_CHECKING:
    from taskqueue_edu.cli.session import Session

_SHOWN: Final = 10
_BAD: Final = (TaskStatus.FAILED, TaskStatus.DEAD, TaskStatus.CANCELLED)
_ORDER: Final = (TaskStatus.SUCCEEDED, *_BAD, TaskStatus.PENDING, TaskStatus.RUNNING)


class Outcome:
    """What became of some tasks. Those that an earlier session finished count as well."""

    def __init__(self, session: Session, ids: Iterable[str]) -> None:
        self._session = session
        self._records: dict[str, TaskRecord] = {}
        self._forgotten = 0
        for task_id in ids:
            try:
                self._records[task_id] = session.queue.registry.get(task_id)
            except UnknownTask:
                self._forgotten += 1
        self._counts = Counter(record.status for record in self._records.values())

    @property
    def code(self) -> int:
        """The exit code: TASK_FAILED if a task did not succeed, else 0."""
        ended = self._session.ended()
        # A task may have died as the folder was opened, before the session began.
        bad = sum(ended.values()) - ended[facts.SUCCEEDED] + self._session.queue.died
        return TASK_FAILED if bad or any(self._counts[status] for status in _BAD) else 0

    def results(self, ids: Iterable[str]) -> list[Any]:
        """Return the results of those tasks that succeeded. Raises InvalidTask, StorageError."""
        succeeded = (
            task_id
            for task_id in ids
            if (record := self._records.get(task_id)) is not None
            and record.status is TaskStatus.SUCCEEDED
        )
        return [self._session.queue.wait_for_result(task_id) for task_id in succeeded]

    def print(self, name: str) -> None:
        """Print a few lines under that name."""
        session, out = self._session, console()
        parts = [f"{n:,} {status}" for status in _ORDER if (n := self._counts[status])]
        if self._forgotten:
            parts.append(f"{self._forgotten:,} no longer kept (see --retain)")
        earlier = sum(0 < record.finished < session.began for record in self._records.values())
        if earlier:
            parts.append(f"{earlier:,} of them in earlier runs")
        out.print(f"{name}: {', '.join(parts) or 'nothing to do'}", soft_wrap=True)
        ended = sum(session.ended().values())
        rate = f", {ended / session.elapsed:,.1f} tasks a second" if ended else ""
        kind = "thread" if isinstance(session.pool, WorkerPool) else "process"
        if session.workers > 1:
            kind += "s" if kind == "thread" else "es"
        took = duration(session.elapsed)
        out.print(f"  took     {took} with {session.workers} {kind}{rate}", soft_wrap=True)
        for label, sketch in zip(("waiting", "running"), self._times(), strict=True):
            if sketch.count:
                p50, p95, p99 = map(duration, sketch.percentiles())
                out.print(f"  {label}  p50 {p50:<9} p95 {p95:<9} p99 {p99}", soft_wrap=True)
        self._print_failures()

    def _times(self) -> tuple[Sketch, Sketch]:
        """Return how long the tasks waited, and how long their last runs took.

        Waiting counts from the start of this session, and for tasks that ran in it: how long
        a task lay in a journal while nobody worked on it says nothing about the pool.
        """
        began = self._session.began
        ran = [record for record in self._records.values() if record.finished and record.started]
        waiting = (r.started - max(r.submitted, began) for r in ran if r.started >= began)
        return Sketch(waiting), Sketch(record.finished - record.started for record in ran)

    def _print_failures(self) -> None:
        out = console()
        bad = [record for record in self._records.values() if record.status in _BAD]
        for record in bad[:_SHOWN]:
            out.print(f"  {record.id} {record.type}: {reason(record)}", soft_wrap=True)
        if len(bad) > _SHOWN:
            out.print(f"  ... and {len(bad) - _SHOWN:,} more")


def reason(record: TaskRecord) -> str:
    """Say in one line why the task has no result, safe to print; "" if it may have one."""
    return plain(why(record))
