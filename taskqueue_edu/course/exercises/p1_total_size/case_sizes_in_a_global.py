"""The sizes of all tasks are in one global dict, under the URL."""

from taskqueue_edu.course.exercises.p1_total_size.given import FetchPage, RetryPolicy
from taskqueue_edu.course.exercises.p1_total_size.given import dataclass, task_type

SEEN = {}


@task_type("total_size", retry=RetryPolicy(attempts=4, on=(ConnectionError,), delay=0.01))
@dataclass(frozen=True)
class TotalSize:
    """Fetch several pages and add up their sizes in bytes."""

    urls: tuple[str, ...]

    def execute(self) -> int:
        for url in self.urls:
            SEEN[url] = FetchPage(url).execute().bytes
        return sum(SEEN[url] for url in self.urls)
