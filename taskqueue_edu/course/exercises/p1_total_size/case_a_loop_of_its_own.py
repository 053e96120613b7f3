"""execute() tries again by itself, and the type has no policy."""

from taskqueue_edu.course.exercises.p1_total_size.given import FetchPage, RetryPolicy
from taskqueue_edu.course.exercises.p1_total_size.given import dataclass, task_type


@task_type("total_size")
@dataclass(frozen=True)
class TotalSize:
    """Fetch several pages and add up their sizes in bytes."""

    urls: tuple[str, ...]

    def execute(self) -> int:
        return sum(self._size(url) for url in self.urls)

    def _size(self, url):
        for attempt in range(4):
            try:
                return FetchPage(url).execute().bytes
            except ConnectionError:
                if attempt == 3:
                    raise
