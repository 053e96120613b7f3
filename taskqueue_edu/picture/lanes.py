"""Which worker ran what, as bars: at most as many as a screen can show."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from taskqueue_edu import facts
from taskqueue_edu.monitor import KEPT_RUNS, Run, Snapshot

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

WORDS: Final = {
    "running": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "retried": "retried",
    "crashed": "worker crashed",
    "stopped": "cancelled or given back",
}
"""What a legend says of each kind."""

_TURN: Final = tuple((4 * math.cos(a / 4), 4 * math.sin(a / 4)) for a in range(21))

MARKS: Final = {
    "retried": (_TURN, ((-1.9, -5.6), (1.1, -3.8), (-1.2, -1.1))),
    "stopped": (((-3, -3), (3, -3), (3, 3), (-3, 3), (-3, -3)),),
    "failed": (((-3.5, -3.5), (3.5, 3.5)), ((3.5, -3.5), (-3.5, 3.5))),
    "crashed": (((1.5, -6), (-3.5, 1), (-0.6, 1), (-1.5, 6), (3.5, -1), (0.6, -1), (1.5, -6)),),
}
"""The mark above the end of a run, as lines around the point 0,0, in pixels and y downward.

A turn, a square, a cross, a flash. Where two would hide each other, the one further down in
this list is drawn.
"""

_RANK: Final = tuple(MARKS)

MOST: Final = 16
"""Lanes in a picture; more would be too many to compare."""

_SPANS: Final = (
    *(86_400.0, 43_200.0, 21_600.0, 10_800.0, 3_600.0, 1_800.0, 900.0, 600.0, 300.0, 120.0, 60.0),
    *(30.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05),
)
"""Lanes look back for one of these many seconds, less than the charts do if tasks are short."""

_CROWD: Final = 40
"""Runs in a lane that can still be told apart. If there are more, the lanes look back less."""
_MOB: Final = 160
"""Runs in all lanes together, for which the same holds: nobody reads more, five times a second."""

_THIN: Final = 0.15
"""Percent of the width. A bar is never thinner, and thin ones that touch are drawn as one."""

_CUT: Final = 0.1
"""Percent of the width that a bar begins late, so that it stands apart from the one before."""

_APART: Final = 1.8
"""Percent of the width between two marks in a lane: nearer, one would hide the other."""


class Bar(NamedTuple):
    """A run, or several short ones, from `left` to `right` percent of the width."""

    kind: str
    left: float
    right: float
    run: Run
    runs: int


class Lanes(NamedTuple):
    """The worker of each lane, "" for one that has run nothing yet, and how far back they go."""

    names: list[str]
    seconds: float


class View:
    """Remembers what the last frame showed, so that the next one looks like it."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._seconds = math.inf

    def update(self, snapshot: Snapshot) -> Lanes:
        """Return what the lanes show of a snapshot."""
        names = self._names(snapshot)
        return Lanes(names, self._span(snapshot, len(names)))

    def _names(self, snapshot: Snapshot) -> list[str]:
        active = {run.worker for run in snapshot.runs}
        active.update(run.worker for run in snapshot.busy)
        # The lane of a worker stays while that has nothing to do.
        idle = sorted(self._seen - active, key=natural)[: max(snapshot.workers - len(active), 0)]
        self._seen |= active
        names = sorted(active.union(idle), key=natural)
        return names + [""] * (snapshot.workers - len(names))

    def _span(self, snapshot: Snapshot, lanes: int) -> float:
        runs, at = snapshot.runs, snapshot.at
        crowd, longest = min(_CROWD * max(lanes, 1), _MOB), known(snapshot)
        for seconds in _SPANS:
            if seconds > longest:
                continue
            start = at - int(seconds * 1e9)
            shown = len(runs) - bisect_right(runs, start, key=attrgetter("end"))
            # To grow takes fewer runs than to stay, or it would change back and forth.
            if shown <= (crowd if seconds > self._seconds else 1.5 * crowd):
                break
        self._seconds = seconds
        return seconds


def known(snapshot: Snapshot) -> float:
    """Return for how many seconds back the snapshot has all runs."""
    if len(snapshot.runs) < KEPT_RUNS:
        return snapshot.seconds
    return (snapshot.at - snapshot.runs[0].end) / 1e9


def natural(name: str) -> list[tuple[int, str]]:
    """Sort worker-2 before worker-10."""
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def short(text: str, most: int) -> str:
    """Return the text, or its beginning and an ellipsis, in at most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def label(name: str) -> str:
    """Return what stands beside the lane of a worker."""
    return short(name, 11) or "new"


def bars(runs: Sequence[Run], at: int, seconds: float) -> tuple[dict[str, list[Bar]], Counter[str]]:
    """Return the bars of each worker in the `seconds` before the time `at`, oldest first.

    `runs` must be in the order in which they ended. Also returns how many runs of each kind
    the bars stand for.
    """
    scale = 100 / (seconds * 1e9)
    start = at - int(seconds * 1e9)
    lanes: dict[str, list[Bar]] = {}
    counts: Counter[str] = Counter()
    for run in runs[bisect_right(runs, start, key=attrgetter("end")) :]:
        kind = KINDS[run.outcome]
        right = (run.end - start) * scale
        if right > 100:
            right = 100.0
        left = (run.start - start) * scale + _CUT
        lane = lanes.get(run.worker)
        if lane is None:
            lane = lanes[run.worker] = []
        if right - left < _THIN - _CUT:
            left = right - _THIN
            if lane and (last := lane[-1]).kind == kind and left - last.right < _THIN / 2:
                lane[-1] = Bar(kind, last.left, right, run, last.runs + 1)
                continue
        elif right - left < _THIN:
            left = right - _THIN
        lane.append(Bar(kind, left if left > 0 else 0.0, right, run, 1))
    for lane in lanes.values():
        for bar in lane:
            counts[bar.kind] += bar.runs
    return lanes, counts


def marks(lane: Sequence[Bar], at: int, seconds: float) -> list[tuple[float, str]]:
    """Return where in a lane a mark goes, and of which kind, so that none hides another.

    What is drawn of a run depends on its neighbors only, not on where the lane begins: marks
    move to the left from frame to frame, and none comes and goes.
    """
    cell = seconds * 1e9 * _APART / 100
    first = at / cell - 100 / _APART
    # The best in each cell of time; then, of two in neighboring cells, again the better one.
    best: dict[int, tuple[int, float]] = {}
    for bar in lane:
        if bar.kind in MARKS:
            number = math.floor(first + bar.right / _APART)
            best[number] = max(best.get(number, (-1, 0.0)), (_RANK.index(bar.kind), bar.right))
    found: list[tuple[float, str]] = []
    for number, (rank, right) in best.items():
        near = [(n, best[n]) for n in (number - 1, number + 1) if n in best]
        if not any(
            abs(other[1] - right) < _APART and (other[0], n % 2) > (rank, number % 2)
            for n, other in near
        ):
            found.append((right, _RANK[rank]))
    return found
