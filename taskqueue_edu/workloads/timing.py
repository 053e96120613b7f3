"""Tasks that do nothing but take time, or fail."""

from __future__ import annotations

from dataclasses import dataclass

from taskqueue_edu.catalogue import task_type
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.task import current_task


@task_type("sleep")
@dataclass(frozen=True)
class SleepTask:
    """Sleep: the purest I/O-bound task. A request to cancel ends it at once."""

    seconds: float

    def execute(self) -> float:
        """Return the seconds it was told to sleep. Raises ValueError if that is no duration."""
        if not 0 <= self.seconds < float("inf"):
            raise ValueError(f"seconds is {self.seconds}, expected a finite number, 0 or more")
        current_task().sleep(self.seconds)
        return self.seconds


@task_type("flaky", retry=RetryPolicy(attempts=5, on=(ConnectionError,), delay=0.05))
@dataclass(frozen=True)
class FlakyTask:
    """Fail the first `fails` runs, then succeed: what a retry policy is for.

    The policy of this type allows five runs, so `FlakyTask(4)` still succeeds.
    """

    fails: int

    def execute(self) -> int:
        """Return the number of the run that succeeded. Raises ConnectionError before that."""
        attempt = current_task().attempt
        if attempt <= self.fails:
            raise ConnectionError(f"run {attempt} fails, as {self.fails} were told to")
        return attempt
