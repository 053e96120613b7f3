# %%program linkcheck.py
"""Each link that does not work has the same reason."""

import json
from dataclasses import dataclass
from pathlib import Path

from taskqueue_edu import RetryPolicy, TaskQueue, TaskStatus, task_type
from taskqueue_edu.workloads import FetchPage


@dataclass(frozen=True)
class Link:
    """What became of a link. `why` is "" if it works."""

    url: str
    works: bool
    why: str


@task_type("check_link", retry=RetryPolicy(attempts=4, on=(ConnectionError,), delay=0.02))
@dataclass(frozen=True)
class CheckLink:
    """Check one link."""

    url: str

    def execute(self) -> Link:
        """Return whether the link works. Raises ConnectionError if the server is busy."""
        try:
            FetchPage(self.url).execute()
        except (LookupError, ValueError):
            return Link(self.url, False, "broken")
        return Link(self.url, True, "")


def tasks():
    """Return the tasks for the links in links.json."""
    links = json.loads(Path("links.json").read_text())
    return [CheckLink(url) for url in dict.fromkeys(links)]


def report(folder):
    """Return {url: why} for the links in the journal of `folder` that don't work."""
    with TaskQueue.open(folder) as queue:
        done = [r.id for r in queue.registry.records() if r.status is TaskStatus.SUCCEEDED]
        links = [queue.wait_for_result(task_id) for task_id in done]
    return {link.url: link.why for link in links if not link.works}
