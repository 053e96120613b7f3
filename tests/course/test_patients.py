"""The six runs with a fault each: what a learner is to see in them is there."""

from __future__ import annotations

import pandas as pd
import pytest

from taskqueue_edu import Monitor, facts
from taskqueue_edu.course.patients import patients
from taskqueue_edu.recording import Recording

FAULTS = {
    "A": "too few workers",
    "B": "slow tasks in the way",
    "C": "retries without a wait",
    "D": "a task that kills its worker",
    "E": "a burst",
    "F": "a full queue",
}


def findings(run: Recording) -> set[str]:
    """Diagnose a run from its facts."""
    monitor = Monitor(run)
    tasks, log = monitor.to_frame("tasks"), monitor.to_frame("facts")
    submitted = log[log["kind"] == facts.SUBMITTED]["at"]
    running = log["kind"].map({facts.SUBMITTED: 1, facts.STARTED: -1, facts.RETRIED: 1})
    deepest = running.fillna(0).cumsum().max()
    span = (log["at"].iloc[-1] - log["at"].iloc[0]).total_seconds()
    busy = tasks["running"].sum() / span / log["who"][log["kind"] == facts.STARTED].nunique()
    full = busy > 0.95
    totals = run.totals()
    found = {
        "too few workers": full and deepest > 100,
        "slow tasks in the way": tasks["running"].max() > 10 * tasks["running"].median()
        and deepest > 10,
        "retries without a wait": totals[facts.RETRIED] > totals[facts.SUBMITTED],
        "a task that kills its worker": totals[facts.RECOVERED] > 3,
        "a burst": submitted.groupby(submitted.dt.floor("1s")).size().max() > 100,
        "a full queue": full and deepest <= 5,
    }
    return {name for name, so in found.items() if so}


@pytest.mark.parametrize("name", FAULTS)
def test_a_patient_has_one_fault(name: str) -> None:
    """Its facts show the fault that it was made for, and no other."""
    assert findings(patients()[name]) == {FAULTS[name]}


def test_patients_are_always_the_same() -> None:
    """Two learners see the same runs, fact for fact."""
    first, second = (
        {name: Monitor(run).to_frame("facts") for name, run in patients().items()} for _ in "12"
    )
    for name, table in first.items():
        pd.testing.assert_frame_equal(table, second[name])
