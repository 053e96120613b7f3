"""The Celery app that its worker and its client import. `brokers.celery` says why so."""

from __future__ import annotations

import os
from typing import Any

from tests.benchmarks.harness import module

_URL = os.environ.get("BENCHMARK_REDIS", "redis://127.0.0.1:6379/0")

app: Any = module("celery").Celery("benchmark", broker=_URL, backend=_URL)
app.conf.update(worker_prefetch_multiplier=64, broker_connection_retry_on_startup=True)


@app.task(name="echo")  # type: ignore[untyped-decorator]
def echo(number: int) -> int:
    """Return the argument."""
    return number
