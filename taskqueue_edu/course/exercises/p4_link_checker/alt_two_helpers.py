# %%program linkcheck.py
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


def fault(url):
    """Say what is wrong with a link, "" if nothing is. Raises ConnectionError."""
    try:
        FetchPage(url).execute()
    except LookupError:
        return "there is no such page"
    except ValueError as error:
        return f"it is refused: {error}"
    return ""


BUSY = RetryPolicy(attempts=4, on=(ConnectionError,), delay=0.02)


@task_type("check_link", retry=BUSY)
@dataclass(frozen=True)
class CheckLink:
    """Check one link."""

    url: str

    def execute(self) -> Link:
        """Return whether the link works. Raises ConnectionError if the server is busy."""
        why = fault(self.url)
        return Link(self.url, not why, why)


def tasks():
    """Return the tasks for the links in links.json."""
    links = json.loads(Path("links.json").read_text())
    return map(CheckLink, sorted(set(links)))


def report(folder):
    """Return {url: why} for the links in the journal of `folder` that don't work."""
    with TaskQueue.open(folder) as queue:
        done = [r.id for r in queue.registry.records() if r.status is TaskStatus.SUCCEEDED]
        links = [queue.wait_for_result(task_id) for task_id in done]
    return {link.url: link.why for link in links if not link.works}
