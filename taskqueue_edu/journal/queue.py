"""The queue that `TaskQueue.open` returns: on a journal, with an inbox for other processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from taskqueue_edu.catalogue import catalogue
from taskqueue_edu.errors import ResultExpired, UnknownTask
from taskqueue_edu.facts import Submission
from taskqueue_edu.journal.inbox import InboxReader
from taskqueue_edu.journal.report import RecoveryReport
from taskqueue_edu.journal.store import JsonStore
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.task import TaskStatus


class PersistentQueue(TaskQueue):
    """A TaskQueue whose folder this process owns until `close`."""

    recovery: RecoveryReport
    """What opening the journal found and did."""

    inbox: InboxReader
    """The thread that takes in what other processes ask for."""

    def __init__(self, store: JsonStore, /, **options: Any) -> None:
        """Go on with what `store` kept, and close it if that fails. `options` as in TaskQueue."""
        try:
            super().__init__(store=store, **options)
            self._store = store
            store.on_failure = self.registry.end
            records = self.registry.records()
            unknown = {name for name in {r.type for r in records} if catalogue.find(name) is None}
            unknown_results = Counter(
                record.type
                for record in records
                if record.type in unknown and record.status is TaskStatus.SUCCEEDED
            )
            self.recovery = store.report.complete(
                len(self.registry.misfits),
                self.recovered,
                self.died,
                self.unknown_types,
                unknown_results,
            )
            self.inbox = InboxReader(self, store.folder)
        except BaseException:
            store.close()
            raise

    def sync(self) -> None:
        """Return when all that was recorded so far is on the disk, whatever the sync level.

        Raises StorageError.
        """
        self._store.sync_disk()

    def compact(self) -> tuple[int, int]:
        """Make the journal one line a task, while the queue runs.

        Returns its length in bytes before and after. Raises StorageError.
        """
        return self._store.compact()

    def _give_back(self, reason: str) -> None:
        self.inbox.close()
        super()._give_back(reason)

    # -- for the inbox

    def take_in(self, records: Sequence[TaskRecord], *, bounded: bool) -> None:
        """Submit tasks that other processes made; if `bounded`, wait for places.

        Tasks of an unknown type go into the journal, and wait there. Raises QueueClosed,
        StorageError.
        """
        known = [record for record in records if catalogue.find(record.type) is not None]
        unknown = [record for record in records if catalogue.find(record.type) is None]
        if unknown:
            self.registry.enter(unknown)
            for record in unknown:
                self._park_unknown(record)
        while known:
            entered = self.dispatcher.enter(known, None, bounded=bounded)
            del known[:entered]

    def check(self, submission: Submission) -> None:
        """Check the size of a task of another process, and build it if its type is known here.

        Raises InvalidTask.
        """
        assert submission.payload is not None
        self.dispatcher.limits.check(submission.payload, submission.type)
        if catalogue.find(submission.type) is not None:
            submission.task = catalogue.decode(submission.type, submission.payload)

    def knows(self, task_id: str) -> bool:
        """Tell whether there is a task with that id."""
        try:
            self.registry.get(task_id)
        except (UnknownTask, ResultExpired):
            return False
        return True
