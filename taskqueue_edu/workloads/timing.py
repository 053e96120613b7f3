"""Tasks that do nothing but take time, or fail."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

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


@task_type("risky")
@dataclass(frozen=True)
class RiskyTask:
    """Sleep, then fail with the probability `risk`: by chance, and yet alike every time.

    Each run of the task draws anew, from `seed` and the number of the run, so another one may
    succeed. Whether there is another one is up to the queue's retry policy: the type has none.
    """

    seconds: float
    risk: float
    seed: int

    def execute(self) -> float:
        """Return the seconds it slept.

        Raises ConnectionError if it fails, ValueError if `seconds` is no duration or `risk` no
        probability.
        """
        if not 0 <= self.risk <= 1:
            raise ValueError(f"risk is {self.risk}, expected 0 to 1")
        SleepTask(self.seconds).execute()
        attempt = current_task().attempt
        if Random(f"{self.seed}/{attempt}").random() < self.risk:  # noqa: S311 - repeatable
            raise ConnectionError(
                f"run {attempt} fails: the dice said so, at a risk of {self.risk}"
            )
        return self.seconds
