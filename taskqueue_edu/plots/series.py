"""What a table of facts says, as numbers. All times are in seconds since its first fact."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from taskqueue_edu import facts
from taskqueue_edu.picture.lanes import KINDS

Floats: TypeAlias = npt.NDArray[np.float64]
What: TypeAlias = Literal["waiting", "running"]

PAUSE: Final = pd.Timedelta(minutes=10)
"""If nothing happens and no task runs for so long, what comes after is another run of the queue."""

SHARES: Final = (0.5, 0.95, 0.99)

_MOST_STEPS: Final = 40
_MOST_POINTS: Final = 1_000
_SHORTEST: Final = 1e-6  # seconds that a chart shows at least
_LOST: Final = (facts.RECOVERED, facts.DIED)
_FINISHED: Final = (facts.SUCCEEDED, facts.FAILED, facts.DIED, facts.CANCELLED)
_QUEUED: Final = (
    facts.SUBMITTED,
    facts.RETRIED,
    facts.RELEASED,
    facts.RECOVERED,
    facts.REVIVED,
)


@dataclass(frozen=True)
class Series:
    """What the facts of `table` say, see `Monitor.to_frame`. It is not changed.

    Tasks that still run do so until `until`, or until the last fact if that is later.
    """

    table: pd.DataFrame
    until: pd.Timestamp | None = None

    @cached_property
    def origin(self) -> pd.Timestamp:
        """When the first fact happened."""
        first: pd.Timestamp = self.table["at"].min()
        return first

    @cached_property
    def seconds(self) -> float:
        """How long the table goes on: until the last fact, or `until` if a task still runs."""
        end: pd.Timestamp = self.table["at"].max()
        if self.until is not None and not self.running_now.empty:
            end = max(end, self.until)
        return max((end - self.origin).total_seconds(), _SHORTEST)

    @cached_property
    def steps(self) -> int:
        """In how many equal steps to count: the root of the number of facts, at most 40."""
        return min(max(round(math.sqrt(len(self.table) / 3)), 1), _MOST_STEPS)

    @cached_property
    def edges(self) -> Floats:
        """Where the steps begin, and the end of the last."""
        return np.linspace(0.0, self.seconds, self.steps + 1)

    @cached_property
    def _at(self) -> Floats:
        return self._since_origin(self.table["at"])

    def _since_origin(self, times: pd.Series[pd.Timestamp]) -> Floats:
        return np.asarray((times - self.origin).dt.total_seconds(), np.float64)

    def _is(self, *kinds: str) -> npt.NDArray[np.bool_]:
        return self.table["kind"].isin(kinds).to_numpy()

    @cached_property
    def _unstarted(self) -> npt.NDArray[np.bool_]:
        """The facts that ended a task without a run: it was cancelled while it waited."""
        return self._is(*KINDS) & self.table["since"].isna().to_numpy()

    @cached_property
    def running_now(self) -> pd.DataFrame:
        """The facts that started what still runs."""
        last = self.table.drop_duplicates("id", keep="last")
        return last[last["kind"] == facts.STARTED]

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row a run, in the order in which they ended: `worker`, `id`, `start`, `end`.

        `outcome` is the fact that ended it, and `kind` how it is drawn: see KINDS; "running" for
        not yet.
        """
        ended = self.table[self._is(*KINDS) & ~self._unstarted]
        columns = {"who": "worker", "id": "id", "kind": "outcome"}
        runs = pd.concat([ended, self.running_now])[[*columns]].rename(columns=columns)
        runs["kind"] = runs["outcome"].astype(object).map({**KINDS, facts.STARTED: "running"})
        runs["worker"] = runs["worker"].astype("category").cat.remove_unused_categories()
        started = pd.concat([ended["since"], self.running_now["at"]])
        runs["start"] = self._since_origin(started)
        end = self._since_origin(ended["at"])
        runs["end"] = np.concatenate([end, np.full(len(self.running_now), self.seconds)])
        return runs.reset_index(drop=True)

    def times(self, *kinds: str) -> Floats:
        """Return when facts of these kinds happened."""
        return self._at[self._is(*kinds)]

    def finished(self) -> Floats:
        """Return when tasks ended for good."""
        return self.times(*_FINISHED)

    def rates(self, times: Floats) -> Floats:
        """Return how many of `times` a second are in each step."""
        return np.histogram(times, self.edges)[0] * (self.steps / self.seconds)

    def latencies(self, what: What) -> tuple[Floats, Floats]:
        """Return when something was measured, and the duration; both in seconds.

        `waiting` is from when a task could run until it started, `running` from there until the
        run ended, unless its worker died: then nobody knows.
        """
        picked = self._is(facts.STARTED)
        if what == "running":
            picked = self._is(*KINDS) & ~self._is(*_LOST)
        took = (self.table["at"] - self.table["since"]).dt.total_seconds()
        picked = picked & took.notna().to_numpy()
        return self._at[picked], np.asarray(took[picked], np.float64)

    def percentiles(self, what: What) -> tuple[Floats, Floats]:
        """Return the middle of each step, and a row of percentiles for each of SHARES.

        NaN where nothing was measured.
        """
        at, durations = self.latencies(what)
        step = np.clip(np.searchsorted(self.edges, at, "right") - 1, 0, self.steps - 1)
        found = pd.Series(durations).groupby(step).quantile(np.array(SHARES), interpolation="lower")
        rows = found.unstack().reindex(range(self.steps)).to_numpy(np.float64).T
        return (self.edges[:-1] + self.edges[1:]) / 2, rows

    def depth(self) -> tuple[Floats, Floats]:
        """Return when the number of waiting tasks changed, and what it was from then on."""
        first = ~self.table["id"].duplicated().to_numpy()
        before = np.count_nonzero(first & (self._is(facts.STARTED) | self._unstarted))
        change = self._is(*_QUEUED).astype(int) - self._is(facts.STARTED) - self._unstarted
        return self._at, before + np.cumsum(change, dtype=float)

    def busy(self) -> Floats:
        """Return how many workers were busy in each step, on average."""
        start, end = self.runs["start"].to_numpy(), self.runs["end"].to_numpy()
        # How long all runs together took up to each edge: the level's area so far.
        area = [np.clip(edge - start, 0.0, end - start).sum() for edge in self.edges]
        return np.diff(area) * (self.steps / self.seconds)

    def shares(self) -> pd.Series[float]:
        """Return for which share of the time each worker was busy, from 0 to 1."""
        busy = self.runs["end"] - self.runs["start"].clip(lower=0.0)
        return busy.groupby(self.runs["worker"], observed=True).sum() / self.seconds


def thinned(at: Floats, level: Floats) -> tuple[Floats, Floats]:
    """Return a line of steps with so many points that it looks the same, but not more.

    Of the points that are next to each other, it has the first, the lowest, the highest and the
    last (M4: Jugel, Jerzak, Hackenbroich, Markl, PVLDB 7, 2014).
    """
    if len(at) <= _MOST_POINTS:
        return at, level
    width = max(at[-1] - at[0], _SHORTEST) / (_MOST_POINTS / 4)
    groups = pd.Series(level).groupby(((at - at[0]) // width).astype(int))
    ends = np.flatnonzero(np.diff(groups.ngroup(), prepend=-1))
    last = np.append(ends[1:], len(at)) - 1
    keep = np.unique(np.concatenate([ends, groups.idxmin(), groups.idxmax(), last]))
    return at[keep], level[keep]


def latest(table: pd.DataFrame) -> pd.DataFrame:
    """Return the facts since the last PAUSE: a journal may hold those of several days."""
    running = Series(table).running_now["at"].min()  # NaT, which is not before anything, for none
    for last in reversed(np.flatnonzero(-table["at"].diff(-1) > PAUSE)):
        at, after = table["at"].iloc[last], table.iloc[last + 1 :]
        ran = after["kind"].isin(KINDS) & ~after["kind"].isin(_LOST) & (after["since"] <= at)
        if not ran.any() and not running <= at:
            return after
    return table
