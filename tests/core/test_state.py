"""The legal life of a task."""

from __future__ import annotations

import itertools
import re

import pytest

from taskqueue_edu import facts, state
from taskqueue_edu.errors import IllegalTransition
from taskqueue_edu.state import TRANSITIONS, next_status
from taskqueue_edu.task import TaskStatus

P, R, S, F, C, D = TaskStatus

# The whole table once more, written from the outside: what each fact makes of each status.
LEGAL = {
    (None, "submitted"): P,
    (P, "started"): R,
    (P, "cancelled"): C,
    (R, "succeeded"): S,
    (R, "failed"): F,
    (R, "cancelled"): C,
    (R, "died"): D,
    (R, "retried"): P,
    (R, "released"): P,
    (R, "recovered"): P,
    (F, "revived"): P,
    (D, "revived"): P,
}


@pytest.mark.parametrize(
    ("status", "fact"), list(itertools.product([None, *TaskStatus], facts.KINDS))
)
def test_every_pair(status: TaskStatus | None, fact: str) -> None:
    """Every status meets every fact: as the table says, or with an error that lists the legal."""
    if (status, fact) in LEGAL:
        assert next_status(status, fact) is LEGAL[status, fact]
        return
    with pytest.raises(IllegalTransition) as caught:
        next_status(status, fact)
    message = caught.value.message
    assert (status or "new") in message
    assert fact in message
    legal = [known for at, known in LEGAL if at == status]
    assert message.endswith(f"what can happen to it: {', '.join(legal) or 'nothing more'}")


def test_an_unknown_fact() -> None:
    """What is no fact can happen to no task."""
    for status in (None, *TaskStatus):
        with pytest.raises(IllegalTransition):
            next_status(status, "vanished")


def test_the_table_is_complete() -> None:
    """Every status has its row, and every kind of fact happens somewhere."""
    assert set(TRANSITIONS) == {None, *TaskStatus}
    assert {fact for row in TRANSITIONS.values() for fact in row} == set(facts.KINDS)


def test_finished_means_that_nothing_happens_by_itself() -> None:
    """From a finished status there is no way on, but to be revived by somebody."""
    for status in TaskStatus:
        assert status.finished == (set(TRANSITIONS[status]) <= {facts.REVIVED})


def test_the_diagram_agrees() -> None:
    """The drawing in the docstring has every status, every fact, and the right arrows."""
    diagram = (state.__doc__ or "").split("\n\n")[1]
    lines = diagram.splitlines()
    assert set(re.findall("[A-Z]{4,}", diagram)) == {status.name for status in TaskStatus}
    assert set(re.findall("[a-z]{4,}", diagram)) == set(facts.KINDS)
    # A fact stands on the arrow to its status...
    for fact, status in [("started", R), ("succeeded", S), ("failed", F), ("died", D)]:
        assert re.search(rf"- {fact} -+>  {status.name}\b", diagram)
    # ...cancelled on one from pending and one from running...
    assert re.search(r"\+-+ cancelled -+\+-+ cancelled -+>  CANCELLED", diagram)
    # ...the ways back from running on top, that of the finished below.
    assert set(re.findall("[a-z]{4,}", lines[0])) == {"retried", "released", "recovered"}
    assert re.findall("[a-z]{4,}", lines[-1]) == ["revived"]
    back = {status for status in TaskStatus if re.search(rf"{status.name} -+\+", diagram)}
    assert back == {status for status in TaskStatus if (status, "revived") in LEGAL}
