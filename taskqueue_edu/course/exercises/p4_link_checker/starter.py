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


@task_type("check_link")
@dataclass(frozen=True)
class CheckLink:
    """Check one link."""

    url: str

    def execute(self) -> Link:
        """Return whether the link works. Raises ConnectionError if the server is busy."""
        ...


def tasks():
    """Return the tasks for the links in links.json."""
    ...


def report(folder):
    """Return {url: why} for the links in the journal of `folder` that don't work."""
    ...
