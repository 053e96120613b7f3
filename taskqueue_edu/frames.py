"""Records and facts as pandas tables. Imported on use: the core needs no pandas."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from taskqueue_edu.facts import RawFact
from taskqueue_edu.record import TaskRecord


def _times(nanoseconds: Sequence[int]) -> pd.Series[pd.Timestamp]:
    series = pd.Series(nanoseconds, dtype="int64")
    # NaT comes in after the conversion: NaN would turn integers into floats, too coarse for ns.
    return pd.to_datetime(series, unit="ns", utc=True).where(series > 0)


def task_frame(records: Sequence[TaskRecord]) -> pd.DataFrame:
    """Return one row a task; see Monitor.to_frame."""
    frame = pd.DataFrame(
        {
            "type": pd.Categorical([r.type for r in records]),
            "status": pd.Categorical([str(r.status) for r in records]),
            "worker": pd.Categorical([r.worker for r in records]),
            "priority": pd.Series([r.priority for r in records], dtype="int64"),
            "attempt": pd.Series([r.attempt for r in records], dtype="int64"),
            "submitted": _times([r.submitted for r in records]),
            "started": _times([r.started for r in records]),
            "finished": _times([r.finished for r in records]),
            "error": pd.Series(
                [f"{r.failure.type}: {r.failure.message}" if r.failure else "" for r in records],
                dtype="str",
            ),
        }
    )
    frame["waiting"] = (frame["started"] - frame["submitted"]).dt.total_seconds()
    frame["running"] = (frame["finished"] - frame["started"]).dt.total_seconds()
    frame.index = pd.Index([r.id for r in records], name="id")
    order = ["type", "status", "worker", "priority", "attempt", "submitted", "started"]
    return frame[[*order, "finished", "waiting", "running", "error"]]


def fact_frame(log: Sequence[RawFact]) -> pd.DataFrame:
    """Return one row a fact; see Monitor.to_frame."""
    return pd.DataFrame(
        {
            "at": _times([fact[2] for fact in log]),
            "kind": pd.Categorical([fact[0] for fact in log]),
            "id": pd.Series([fact[1] for fact in log], dtype="str"),
            "who": pd.Categorical([fact[3] for fact in log]),
            "since": _times([fact[4] for fact in log]),
        }
    )
