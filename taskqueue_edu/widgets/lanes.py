"""Which worker ran what, as bars: at most as many as a screen can show."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from taskqueue_edu import facts
from taskqueue_edu.monitor import Run, Snapshot

KINDS: Final = {
    facts.SUCCEEDED: "succeeded",
    facts.FAILED: "failed",
    facts.RETRIED: "retried",
    facts.RECOVERED: "crashed",
    facts.DIED: "crashed",
    facts.CANCELLED: "stopped",
    facts.RELEASED: "stopped",
}
"""How a run is drawn, by the fact that ended it."""

MOST: Final = 24
"""Lanes in a picture; more would be too thin to read."""

_THIN: Final = 0.15
"""Percent of the width. A bar is never thinner, and thin ones that touch are drawn as one."""


class Bar(NamedTuple):
    """A run, or several short ones, from `left` to `right` percent of the width."""

    kind: str
    left: float
    right: float


class Names:
    """Remembers the workers, so that a lane stays while its worker has nothing to do."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def update(self, snapshot: Snapshot) -> list[str]:
        """Return the names of the lanes in order; "" for a worker that has run nothing yet."""
        active = {run.worker for run in (*snapshot.runs, *snapshot.busy)}
        idle = sorted(self._seen - active, key=_natural)[: max(snapshot.workers - len(active), 0)]
        self._seen |= active
        names = sorted(active.union(idle), key=_natural)
        return names + [""] * (snapshot.workers - len(names))


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort worker-2 before worker-10."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def bars(runs: Iterable[Run], at: int, seconds: float) -> dict[str, list[Bar]]:
    """Return the bars of each worker in the `seconds` before the time `at`, oldest first."""
    scale = 100 / (seconds * 1e9)
    start = at - int(seconds * 1e9)
    lanes: dict[str, list[Bar]] = {}
    for run in runs:
        if run.end <= start:
            continue
        right = (run.end - start) * scale
        left = max((run.start - start) * scale, 0.0)
        kind = KINDS[run.outcome]
        lane = lanes.get(run.worker)
        if lane is None:
            lane = lanes[run.worker] = []
        if right - left < _THIN:
            left = max(right - _THIN, 0.0)
            if lane and (last := lane[-1]).kind == kind and left - last.right < _THIN / 2:
                lane[-1] = Bar(kind, last.left, right)
                continue
        lane.append(Bar(kind, left, right))
    return lanes
