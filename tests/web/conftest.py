"""A dashboard that shows a queue of this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from taskqueue_edu import TaskQueue

from .site import Site


@pytest.fixture
def site(queue: TaskQueue) -> Iterator[Site]:
    """The dashboard of `queue`."""
    with queue.serve_dashboard() as dashboard:
        yield Site(dashboard.url)
