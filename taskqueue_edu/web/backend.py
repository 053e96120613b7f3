"""What a dashboard shows: a queue of this process, or a folder that another one works on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from taskqueue_edu import facts
from taskqueue_edu.factlog import rows
from taskqueue_edu.facts import Failure
from taskqueue_edu.history import Event, read_history
from taskqueue_edu.journal import FollowedJournal, Inbox
from taskqueue_edu.monitor import Monitor
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.state import next_status
from taskqueue_edu.task import TaskStatus

CANCELLED: Final = "cancelled in the dashboard"
PUT_BACK: Final = "put back in the dashboard"


class Told(NamedTuple):
    """All that is known of one task. `failure` is the last that a run ended with."""

    record: TaskRecord
    events: list[Event]
    failure: Failure | None


class Backend(Protocol):
    """What a dashboard needs. Several threads call it."""

    title: str
    monitor: Monitor
    json: bool
    """Whether results are JSON, in bytes."""

    def records(self) -> Sequence[TaskRecord]:
        """Return the records of all tasks, oldest first. Raises StorageError."""

    def tell(self, task_id: str) -> Told:
        """Return what is known of a task. Raises UnknownTask, ResultExpired, StorageError."""

    def cancel(self, task_id: str) -> str:
        """Cancel a task; say what comes of it. Raises as `tell` does, IllegalTransition."""

    def retry(self, task_id: str) -> str:
        """Put a failed or dead task back; say what comes of it. Raises as `cancel` does."""

    def over(self) -> bool:
        """Tell whether nothing more will happen."""

    def close(self) -> None:
        """Close what is open."""


class QueueBackend:
    """A queue of this process: what the page asks for happens at once."""

    title = "Task queue"

    def __init__(self, queue: TaskQueue) -> None:
        self._queue = queue
        self._registry = queue.registry
        self.json = queue.registry.store.json
        self.monitor = Monitor.shared(queue)

    def records(self) -> Sequence[TaskRecord]:
        """See Backend."""
        return self._registry.records()

    def tell(self, task_id: str) -> Told:
        """See Backend. The events have no more than who and when: so much is in the log."""
        record = self._registry.get(task_id)
        blocks, _, _ = self._registry.log_since(0)
        found = rows(block for block in blocks if task_id in block)
        events = [Event(at, kind, who) for kind, about, at, who, _ in found if about == task_id]
        return Told(record, events, record.failure)

    def cancel(self, task_id: str) -> str:
        """See Backend."""
        if self._queue.cancel(task_id, CANCELLED):
            return f"Task {task_id} is cancelled."
        next_status(self._queue.status(task_id), facts.CANCELLED)
        return f"Task {task_id} is running, and was asked to stop."

    def retry(self, task_id: str) -> str:
        """See Backend."""
        self._queue.revive(task_id, PUT_BACK)
        return f"Task {task_id} is pending again."

    def over(self) -> bool:
        """See Backend."""
        return self._queue.closed and not self._registry.runs()

    def close(self) -> None:
        """See Backend."""


class FolderBackend:
    """A folder's journal: what the page asks for is left in the inbox, for who works there."""

    json = True

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Read the journal in `folder`. Raises StorageError."""
        self._journal = FollowedJournal(folder)
        self.title = f"Task queue in {os.fspath(folder)}"
        self.monitor = Monitor(self._journal)

    def records(self) -> Sequence[TaskRecord]:
        """See Backend."""
        return self._journal.records()

    def tell(self, task_id: str) -> Told:
        """See Backend. The whole journal is read for it: memory has no more than the log."""
        history = read_history(self._journal.folder, task_id)
        return Told(history.record, history.events(), history.failure())

    def cancel(self, task_id: str) -> str:
        """See Backend."""
        status = self._journal.get(task_id).status
        next_status(status, facts.CANCELLED)
        Inbox(self._journal.folder).cancel(task_id, CANCELLED)
        if status is TaskStatus.RUNNING:
            return f"Task {task_id} is running, and will be asked to stop."
        return (
            f"Task {task_id} will be cancelled by the process that works on {self._journal.folder}."
        )

    def retry(self, task_id: str) -> str:
        """See Backend."""
        next_status(self._journal.get(task_id).status, facts.REVIVED)
        Inbox(self._journal.folder).revive(task_id, PUT_BACK)
        return f"Task {task_id} is pending. To run it: taskqueue work {self._journal.folder}"

    def over(self) -> bool:
        """See Backend."""
        return False

    def close(self) -> None:
        """See Backend."""
        self._journal.close()
