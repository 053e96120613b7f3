"""What `taskqueue watch` knows of a folder."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from contextlib import suppress
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Final

from taskqueue_edu.cli.screen import Failure, View
from taskqueue_edu.errors import UnknownTask
from taskqueue_edu.files import owner
from taskqueue_edu.history import why
from taskqueue_edu.journal.followed import FollowedJournal
from taskqueue_edu.monitor import BIN, Monitor, Run
from taskqueue_edu.picture.lanes import KINDS
from taskqueue_edu.task import TaskStatus

_OWNER_EVERY: Final = 5
"""Looks at the journal between two at its lock."""
_KEPT: Final = {"failed": 10, "crashed": 10, "retried": 4}
"""How many failures of each kind are kept. Retries are many, and would hide the others."""
_BAD: Final = frozenset({TaskStatus.FAILED, TaskStatus.DEAD})


class Watched:
    """A folder as the screen shows it."""

    def __init__(self, folder: Path, window: float) -> None:
        """`window`: in seconds. Raises StorageError if there is no journal."""
        self._folder, self._window = folder, window
        self._journal = FollowedJournal(folder)
        self._monitor = Monitor(self._journal)
        self._failures: dict[str, deque[Failure]] = {
            kind: deque(maxlen=n) for kind, n in _KEPT.items()
        }
        self._seen = 0  # when the newest of the runs ended whose failures are noted
        runs = self._monitor.snapshot(window).runs
        self._note_earlier(runs[0].end if runs else math.inf)
        self._looks = 0
        self._owner = owner(folder)
        self._moves = True
        self._state: tuple[object, ...] = ()

    def close(self) -> None:
        """Close the journal's file."""
        self._journal.close()

    def changed(self) -> bool:
        """Tell whether the screen would show anything else than when this was asked last.

        Raises StorageError if the journal is gone.
        """
        self._looks += 1
        if self._looks % _OWNER_EVERY == 0:
            self._owner = owner(self._folder)
        new = self._monitor.refresh()
        # Curves move, and running tasks grow older, by half seconds.
        half = self._journal.now() // BIN if self._moves else 0
        state = self._owner, self._journal.in_inbox(), half
        same = not new and state == self._state
        self._state = state
        return not same

    def view(self) -> View:
        """Return what there is to see now."""
        snapshot = self._monitor.snapshot(self._window)
        self._note(snapshot.runs)
        self._moves = bool(snapshot.busy or any(p.submitted or p.finished for p in snapshot.points))
        return View(
            folder=str(self._folder),
            snapshot=snapshot,
            owner=self._owner,
            inbox=self._journal.in_inbox(),
            failures=sorted(chain.from_iterable(self._failures.values()), reverse=True),
        )

    def _note_earlier(self, until: float) -> None:
        """Note the tasks that failed or died before then, in nanoseconds since 1970."""
        bad = [record for record in self._journal.records() if record.status in _BAD]
        bad = [record for record in bad if record.finished < until]
        for record in sorted(bad, key=attrgetter("finished")):
            kind = "crashed" if record.status is TaskStatus.DEAD else "failed"
            self._failures[kind].append(
                Failure(record.finished, kind, record.id, record.type, why(record))
            )

    def _note(self, runs: tuple[Run, ...]) -> None:
        """Note the failures among runs that have ended since the last time."""
        new = runs[bisect_right(runs, self._seen, key=attrgetter("end")) :]
        for kind, failures in self._failures.items():
            bad = [run for run in new if KINDS[run.outcome] == kind]
            for run in bad[-_KEPT[kind] :]:
                text = self._why(run.task_id, kind)
                failures.append(Failure(run.end, kind, run.task_id, run.type, text))
        if new:
            self._seen = new[-1].end

    def _why(self, task_id: str, kind: str) -> str:
        with suppress(UnknownTask):  # forgotten since
            record = self._journal.get(task_id)
            if kind == "crashed":
                return record.reason
            if record.failure is not None:
                return f"{record.failure.type}: {record.failure.message}"
        return ""
