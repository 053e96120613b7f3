"""One counter adds up for all tasks, also for two that run at once."""

from taskqueue_edu.course.exercises.p1_total_size.given import FetchPage, RetryPolicy
from taskqueue_edu.course.exercises.p1_total_size.given import dataclass, task_type


class Counter:
    """Adds up numbers."""

    def __init__(self):
        self.total = 0

    def reset(self):
        self.total = 0

    def add(self, number):
        self.total += number


COUNTER = Counter()


@task_type("total_size", retry=RetryPolicy(attempts=4, on=(ConnectionError,), delay=0.01))
@dataclass(frozen=True)
class TotalSize:
    """Fetch several pages and add up their sizes in bytes."""

    urls: tuple[str, ...]

    def execute(self) -> int:
        COUNTER.reset()
        for url in self.urls:
            COUNTER.add(FetchPage(url).execute().bytes)
        return COUNTER.total
