"""Each page has a thread, and nobody learns of its error."""

import threading

from taskqueue_edu.course.exercises.p1_total_size.given import FetchPage, RetryPolicy
from taskqueue_edu.course.exercises.p1_total_size.given import dataclass, task_type


@task_type("total_size", retry=RetryPolicy(attempts=4, on=(ConnectionError,), delay=0.01))
@dataclass(frozen=True)
class TotalSize:
    """Fetch several pages and add up their sizes in bytes."""

    urls: tuple[str, ...]

    def execute(self) -> int:
        sizes = [0] * len(self.urls)

        def fetch(number):
            sizes[number] = FetchPage(self.urls[number]).execute().bytes

        threads = [threading.Thread(target=fetch, args=(n,)) for n in range(len(sizes))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(sizes)
