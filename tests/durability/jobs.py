"""Tasks for the tests of this folder, and what can be told of a queue from outside."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from taskqueue_edu.catalogue import task_type
from taskqueue_edu.executor import run_task
from taskqueue_edu.facts import Failure
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.record import TaskRecord

LIMIT = 20.0
"""Seconds after which a wait in a test has failed."""

FAR = 100_000.0
"""Seconds of delay after which no test runs any more."""


@task_type("durable-echo")
@dataclass(frozen=True)
class Echo:
    value: int

    def execute(self) -> int:
        return self.value


@task_type("durable-fail")
@dataclass(frozen=True)
class Fail:
    message: str = "no"

    def execute(self) -> int:
        raise LookupError(self.message)


@task_type("durable-pad")
@dataclass(frozen=True)
class Pad:
    text: str

    def execute(self) -> int:
        return len(self.text)


def run_one(queue: TaskQueue, worker: str = "hand") -> str:
    """Run the next task of a queue in this thread, and return its id. There must be one."""
    run = queue.dispatcher.claim(worker)
    assert run is not None
    queue.dispatcher.settle(run, *run_task(run))
    return run.id


def known(record: TaskRecord) -> dict[str, Any]:
    """Return all that a record says, as values that can be compared across processes."""
    failure = record.failure
    micro = {name: getattr(record, name) // 1_000 for name in ("submitted", "started", "finished")}
    return {
        **micro,
        **{
            name: getattr(record, name)
            for name in (
                *("id", "type", "status", "worker", "attempt", "recoveries"),
                *("reason", "priority", "due", "value"),
            )
        },
        "failure": failure and _failure(failure),
        "task": (record.payload, record.retry),
    }


def _failure(failure: Failure) -> tuple[Any, ...]:
    return failure.names, failure.message, failure.traceback


def everything(queue: TaskQueue) -> dict[str, Any]:
    """Return all that a queue knows, as values that can be compared across processes."""
    return {
        "records": {record.id: known(record) for record in queue.registry.records()},
        "counts": queue.registry.counts(),
        "totals": queue.registry.totals(),
    }


def quarantined(folder: Path) -> list[dict[str, Any]]:
    """Return the pieces in a folder's quarantine. A line that a crash cut off is none."""
    path = folder / "quarantine.jsonl"
    pieces = []
    for line in path.read_bytes().split(b"\n") if path.exists() else ():
        with suppress(ValueError):
            pieces.append(json.loads(line))
    return pieces
