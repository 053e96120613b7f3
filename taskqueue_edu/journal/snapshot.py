"""The facts of a journal, as one line a task."""

from __future__ import annotations

from taskqueue_edu import facts
from taskqueue_edu.facts import RawFact
from taskqueue_edu.journal import lines
from taskqueue_edu.journal.scan import Scan
from taskqueue_edu.ledger import Ledger


def snapshot(
    found: Scan, retain: int, retain_seconds: float | None
) -> tuple[bytes, list[tuple[RawFact, str]]]:
    """Return a journal that folds to the same records, less those past the retention.

    Its lines are numbered so that the line after the last of `found` follows on its last. Also
    return the facts that fit no life of a task, each with the reason: the journal has none.
    """
    # The record of a task that can't run again is without its input. The journal keeps that: a run
    # that goes on where it stopped knows by it which tasks are done.
    payloads: dict[str, bytes | None] = {}
    for kind, task_id, _, _, detail in found.facts:
        if kind in (facts.SUBMITTED, facts.KEPT):
            payloads[task_id] = detail.payload
    ledger = Ledger(retain, retain_seconds)
    misfits = ledger.replay(found.facts)
    records = list(ledger.records.values())
    first = max(found.seq - len(records), 0)
    parts = [lines.header(facts.now(), first, ledger.totals, ledger.forgotten)]
    parts += [
        lines.kept(first + n, record, payloads.get(record.id))
        for n, record in enumerate(records, 1)
    ]
    return b"".join(parts), misfits
