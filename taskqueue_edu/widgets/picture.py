"""A snapshot as HTML and SVG: pure functions from numbers to text."""

from __future__ import annotations

import html
from typing import Final

from taskqueue_edu.monitor import Point, Snapshot, duration
from taskqueue_edu.task import TaskStatus

STYLE: Final = "<style>.tq{font:12px sans-serif}</style>"


def status(snapshot: Snapshot) -> str:
    counts = snapshot.counts
    return f"{counts}"


def draw(snapshot: Snapshot, names: list[str]) -> str:
    return f"<div class=tq><svg role='img'><title>Task queue</title></svg>{html.escape(repr(names))}</div>"
