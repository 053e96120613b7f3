"""The sizes are kept under the task, which is equal to another."""

from taskqueue_edu.course.exercises.p1_total_size.given import FetchPage, RetryPolicy
from taskqueue_edu.course.exercises.p1_total_size.given import dataclass, task_type


PARTS = {}


@task_type("total_size", retry=RetryPolicy(attempts=4, on=(ConnectionError,), delay=0.01))
@dataclass(frozen=True)
class TotalSize:
    """Fetch several pages and add up their sizes in bytes."""

    urls: tuple[str, ...]

    def execute(self) -> int:
        PARTS[self] = []
        for url in self.urls:
            PARTS[self].append(FetchPage(url).execute().bytes)
        return sum(PARTS.pop(self))
