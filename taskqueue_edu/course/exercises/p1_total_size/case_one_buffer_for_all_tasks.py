"""The sizes are kept in the class: two tasks that run at once share them."""

from typing import ClassVar

from taskqueue_edu.course.exercises.p1_total_size.given import FetchPage, RetryPolicy
from taskqueue_edu.course.exercises.p1_total_size.given import dataclass, task_type


@task_type("total_size", retry=RetryPolicy(attempts=4, on=(ConnectionError,), delay=0.01))
@dataclass(frozen=True)
class TotalSize:
    """Fetch several pages and add up their sizes in bytes."""

    urls: tuple[str, ...]
    _sizes: ClassVar[list] = []

    def execute(self) -> int:
        self._sizes.clear()
        for url in self.urls:
            self._sizes.append(FetchPage(url).execute().bytes)
        return sum(self._sizes)
