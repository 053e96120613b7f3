"""The dramatiq actor that its worker and its client import. `brokers.dramatiq` says why so."""

from __future__ import annotations

import os
from typing import Any

from tests.benchmarks.harness import module

_URL = os.environ.get("BENCHMARK_REDIS", "redis://127.0.0.1:6379/0")

dramatiq: Any = module("dramatiq")
broker: Any = module("dramatiq.brokers.redis").RedisBroker(url=_URL)
backend: Any = module("dramatiq.results.backends").RedisBackend(url=_URL)
broker.add_middleware(module("dramatiq.results").Results(backend=backend))
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True)  # type: ignore[untyped-decorator]
def echo(number: int) -> int:
    """Return the argument."""
    return number
