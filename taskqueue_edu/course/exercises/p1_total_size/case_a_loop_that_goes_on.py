"""execute() tries again by itself, and leaves a page out that does not come."""

from taskqueue_edu.course.exercises.p1_total_size.given import FetchPage, RetryPolicy
from taskqueue_edu.course.exercises.p1_total_size.given import dataclass, task_type


@task_type("total_size", retry=RetryPolicy(attempts=4, on=(ConnectionError,), delay=0.01))
@dataclass(frozen=True)
class TotalSize:
    """Fetch several pages and add up their sizes in bytes."""

    urls: tuple[str, ...]

    def execute(self) -> int:
        total = 0
        for url in self.urls:
            for _ in range(4):
                try:
                    total += FetchPage(url).execute().bytes
                    break
                except ConnectionError:
                    continue
        return total
