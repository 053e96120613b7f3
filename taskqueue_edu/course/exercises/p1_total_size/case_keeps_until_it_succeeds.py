"""Sizes of a run that failed are used in the next one."""

from taskqueue_edu.course.exercises.p1_total_size.given import FetchPage, RetryPolicy
from taskqueue_edu.course.exercises.p1_total_size.given import dataclass, task_type


_sizes = {}


@task_type("total_size", retry=RetryPolicy(attempts=4, on=(ConnectionError,), delay=0.01))
@dataclass(frozen=True)
class TotalSize:
    """Fetch several pages and add up their sizes in bytes."""

    urls: tuple[str, ...]

    def execute(self) -> int:
        for url in self.urls:
            if url not in _sizes:
                _sizes[url] = FetchPage(url).execute().bytes
        total = sum(_sizes[url] for url in self.urls)
        _sizes.clear()
        return total
