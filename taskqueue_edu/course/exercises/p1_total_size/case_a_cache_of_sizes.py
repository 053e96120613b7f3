"""Sizes are kept for good, and a page that changes is not seen."""

from functools import lru_cache

from taskqueue_edu.course.exercises.p1_total_size.given import FetchPage, RetryPolicy
from taskqueue_edu.course.exercises.p1_total_size.given import dataclass, task_type


@lru_cache
def size_of(url):
    return FetchPage(url).execute().bytes


@task_type("total_size", retry=RetryPolicy(attempts=4, on=(ConnectionError,), delay=0.01))
@dataclass(frozen=True)
class TotalSize:
    """Fetch several pages and add up their sizes in bytes."""

    urls: tuple[str, ...]

    def execute(self) -> int:
        return sum(size_of(url) for url in self.urls)
