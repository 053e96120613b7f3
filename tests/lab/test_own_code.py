"""The library's own concurrent code, in every order of its threads."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from taskqueue_edu import (
    PendingQueue,
    QueueClosed,
    Registry,
    TaskQueue,
    WorkerPool,
    facts,
    ledger,
    pending,
    pool,
    registry,
)
from taskqueue_edu.errors import IllegalTransition
from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.record import TaskRecord
from taskqueue_edu.workloads import MathTask

pytestmark = pytest.mark.slow

HINTS = ["_taken"]
"""See `give_way`: that the hint is wrong does no harm."""


@pytest.fixture(autouse=True)
def no_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not give way: it only lets others run first, which the lab does in its own way."""
    for module in (pending, registry):
        monkeypatch.setattr(module, "give_way", lambda _: None)


def passes(scenario: Callable[[], None], also: list[Any], bound: int = 2) -> None:
    verdict = explore(scenario, bound=bound, also=also, benign=HINTS)
    assert verdict.ok, str(verdict)


def test_pending_items_are_given_out_once() -> None:
    """Two takers and two putters: each item arrives once, and nobody sleeps on."""

    def scenario() -> None:
        queue: PendingQueue[str] = PendingQueue()
        got: list[str] = []
        together(
            lambda: got.append(queue.get()),
            lambda: got.append(queue.get()),
            lambda: queue.put("a"),
            lambda: queue.put("b"),
        )
        assert sorted(got) == ["a", "b"]

    passes(scenario, [pending], bound=1)


def test_one_taker_among_two_puts() -> None:
    """A taker and two putters, with two preemptions."""

    def scenario() -> None:
        queue: PendingQueue[str] = PendingQueue()
        got: list[str] = []

        def take() -> None:
            got.extend([queue.get(), queue.get()])

        together(take, lambda: queue.put("a"), lambda: queue.put("b"))
        assert sorted(got) == ["a", "b"]

    passes(scenario, [pending])


def test_close_wakes_everyone() -> None:
    """Two takers and a close: both are woken."""

    def scenario() -> None:
        queue: PendingQueue[str] = PendingQueue()

        def take() -> None:
            with pytest.raises(QueueClosed):
                queue.get()

        together(take, take, queue.close)

    passes(scenario, [pending])


def test_a_delayed_item_comes_when_it_is_due() -> None:
    """A leader that sleeps until an item is due makes way for one that is due before."""

    def scenario() -> None:
        queue: PendingQueue[str] = PendingQueue(lambda: time.time())
        got: list[str] = []
        queue.put("late", due=time.time() + 100)

        def take() -> None:
            got.append(queue.get())

        together(take, take, lambda: queue.put("now"))
        assert sorted(got) == ["late", "now"]

    passes(scenario, [pending])


def a_record() -> TaskRecord:
    return TaskRecord("a-1", "math", MathTask("sum", (1, 2)), None)


def test_cancel_and_start_settle_their_race() -> None:
    """A task is started or cancelled, never both, and both sides hear the same."""

    def scenario() -> None:
        kept, record = Registry(), a_record()
        kept.enter([record])
        heard: list[str] = []

        def start() -> None:
            if kept.start(record, "worker") is not None:
                heard.append("started")

        def cancel() -> None:
            try:
                kept.record(facts.CANCELLED, record, "", "not wanted")
            except IllegalTransition:
                return
            heard.append("cancelled")

        together(start, cancel)
        assert len(heard) == 1

    passes(scenario, [registry, ledger])


def test_a_result_reaches_whoever_waits() -> None:
    """The waiter is woken once the result is there, whenever it began to wait."""

    def scenario() -> None:
        kept, record = Registry(), a_record()
        kept.enter([record])
        run = kept.start(record, "worker")
        seen: list[Any] = []

        def wait() -> None:
            kept.wait(record, None)
            seen.append(record.value)

        together(lambda: kept.record(facts.SUCCEEDED, record, "worker", 3, run), wait, wait)
        assert seen == [3, 3]

    passes(scenario, [registry, ledger])


def test_a_place_in_a_full_queue_is_not_lost() -> None:
    """A submitter that waits for the only place gets it when a task starts or is cancelled."""

    def scenario() -> None:
        kept, first, second = Registry(), a_record(), a_record()
        second.id = "a-2"
        kept.enter([first], 1)
        together(
            lambda: kept.enter([second], 1),
            lambda: kept.start(first, "worker"),
        )
        assert second.status is not None

    passes(scenario, [registry, ledger])


def test_a_pool_starts_works_and_stops() -> None:
    """Tasks that were submitted before the start of a pool are done when it has drained."""

    def scenario() -> None:
        queue, workers = TaskQueue(), WorkerPool(1)
        task_id = queue.submit(MathTask("sum", (1, 2)))
        workers.start_processing(queue)
        assert queue.wait_for_result(task_id) == 3
        workers.shutdown()
        assert not [t for t in workers._threads.values() if t.is_alive()]
        queue.close()

    passes(scenario, [pool])


def test_stop_ends_idle_workers() -> None:
    """Two idle workers are told to leave, one after the other, and both hear it."""

    def scenario() -> None:
        queue, workers = TaskQueue(), WorkerPool(2)
        workers.start_processing(queue)
        assert workers.stop()
        queue.close()

    passes(scenario, [pool], bound=1)


def test_a_broken_queue_would_be_found() -> None:
    """The checks are not blind: a pending queue that opens no gate leaves a taker asleep."""

    class Broken(PendingQueue[str]):
        def _open_gate(self) -> None:
            if self._line_of:
                self._gates.popleft()

    def scenario() -> None:
        queue = Broken()
        together(queue.get, lambda: queue.put("a"))

    verdict = explore(scenario, also=[pending], benign=HINTS)
    assert verdict.kind in ("deadlock", "exception")
