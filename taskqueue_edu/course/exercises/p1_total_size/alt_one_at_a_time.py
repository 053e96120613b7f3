import threading
from typing import ClassVar

from taskqueue_edu.course.exercises.p1_total_size.given import FetchPage, RetryPolicy
from taskqueue_edu.course.exercises.p1_total_size.given import dataclass, task_type


ONE_RUNS = threading.Lock()


@task_type("total_size", retry=RetryPolicy(attempts=4, on=(ConnectionError,), delay=0.01))
@dataclass(frozen=True)
class TotalSize:
    """Fetch several pages and add up their sizes in bytes."""

    urls: tuple[str, ...]
    _sizes: ClassVar[list[int]] = []  # of the run that has the lock

    def execute(self) -> int:
        with ONE_RUNS:
            self._sizes.clear()
            for url in self.urls:
                self._sizes.append(FetchPage(url).execute().bytes)
            return sum(self._sizes)
