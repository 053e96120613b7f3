"""The legal life of a task: a pure table from status and fact to the next status.

                       +------------ retried, released, recovered -------------+
                       v                                                       |
    submitted -->  PENDING  -- started -->  RUNNING  -- succeeded -->  SUCCEEDED
                    ^  |                      |-------- failed ----->  FAILED ---+
                    |  |                      |-------- died ------->  DEAD -----+
                    |  +------ cancelled -----+-------- cancelled -->  CANCELLED |
                    +----------------------- revived ----------------------------+

Every change of a task goes through `next_status`, before anything is written; that a new task is
submitted and that a pending one starts, the registry checks in one comparison. (Who folds stored
facts does so too, and for a running task that succeeds.) Two threads that want different things
of one task (cancel it, start it) both ask here, one after the other; the second gets
IllegalTransition, and that settles the race.
"""

from __future__ import annotations

from typing import Final

from taskqueue_edu import facts
from taskqueue_edu.errors import IllegalTransition
from taskqueue_edu.task import TaskStatus

TRANSITIONS: Final[dict[TaskStatus | None, dict[str, TaskStatus]]] = {
    None: {facts.SUBMITTED: TaskStatus.PENDING},
    TaskStatus.PENDING: {
        facts.STARTED: TaskStatus.RUNNING,
        facts.CANCELLED: TaskStatus.CANCELLED,
    },
    TaskStatus.RUNNING: {
        facts.SUCCEEDED: TaskStatus.SUCCEEDED,
        facts.FAILED: TaskStatus.FAILED,
        facts.CANCELLED: TaskStatus.CANCELLED,
        facts.DIED: TaskStatus.DEAD,
        facts.RETRIED: TaskStatus.PENDING,
        facts.RELEASED: TaskStatus.PENDING,
        facts.RECOVERED: TaskStatus.PENDING,
    },
    TaskStatus.SUCCEEDED: {},
    TaskStatus.FAILED: {facts.REVIVED: TaskStatus.PENDING},
    TaskStatus.DEAD: {facts.REVIVED: TaskStatus.PENDING},
    TaskStatus.CANCELLED: {},
}


def next_status(status: TaskStatus | None, fact: str) -> TaskStatus:
    """Return the status after `fact` happened to a task in `status` (None: no such task yet).

    Raises IllegalTransition if a task in that status can't meet that fact.
    """
    try:
        return TRANSITIONS[status][fact]
    except KeyError:
        legal = ", ".join(TRANSITIONS[status]) or "nothing more"
        raise IllegalTransition(
            f"a task that is {status or 'new'} can't be {fact}; what can happen to it: {legal}"
        ) from None
