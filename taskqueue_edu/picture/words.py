"""A snapshot in words."""

from __future__ import annotations

from taskqueue_edu import facts
from taskqueue_edu.monitor import Snapshot
from taskqueue_edu.task import TaskStatus


def status(snapshot: Snapshot) -> str:
    """Say in a few sentences what the queue is doing."""
    submitted, busy = snapshot.totals[facts.SUBMITTED], len(snapshot.busy)
    if not submitted:
        text = "No task yet: queue.submit(...) brings one."
    else:
        left = snapshot.counts[TaskStatus.PENDING] + snapshot.counts[TaskStatus.RUNNING]
        text = f"{submitted - left:,} of {plural(submitted, 'task')} done"
        if failed := _failed(snapshot):
            text += f", {failed:,} of them failed"
        text += f"; {snapshot.depth:,} waiting."
    if snapshot.workers:
        text += f" {busy:,} of {plural(snapshot.workers, 'worker')} busy."
    elif busy:
        text += f" {plural(busy, 'task')} running."
    else:
        text += " No worker."
    return text + (" The queue is paused." if snapshot.paused else "")


def counts(snapshot: Snapshot) -> list[tuple[int, str]]:
    """Return how many tasks there are of each kind, each with its word."""
    totals = snapshot.totals
    retries, crashes = totals[facts.RETRIED], totals[facts.RECOVERED] + totals[facts.DIED]
    return [
        (snapshot.counts[TaskStatus.PENDING], "waiting"),
        (snapshot.counts[TaskStatus.RUNNING], "running"),
        (totals[facts.SUCCEEDED], "succeeded"),
        (_failed(snapshot), "failed"),
        (totals[facts.CANCELLED], "cancelled"),
        (retries, "retry" if retries == 1 else "retries"),
        (crashes, "crash" if crashes == 1 else "crashes"),
    ]


def plural(count: int, what: str) -> str:
    """Return "1 task" or "2 tasks"."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _failed(snapshot: Snapshot) -> int:
    totals = snapshot.totals
    return totals[facts.FAILED] + totals[facts.DIED] - totals[facts.REVIVED]
