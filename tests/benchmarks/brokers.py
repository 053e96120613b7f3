"""Peers that need a server: a redis-server of their own, on a free port of the loopback.

It writes an append-only file in a temporary directory and syncs it every second, which is what
`sync="interval"` does here. Workers are processes that the peer's own command starts; the clock
starts once the first task has come back, and stops with the last result.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.benchmarks.harness import ROOT, Sample, module
from tests.benchmarks.work import echo, timed

PROCESSES = 2
FAREWELL = 5.0
"""Seconds that a process gets to end when it is asked to."""
PATIENCE = 60.0
"""Seconds that a server, a worker or a result may take."""


@contextmanager
def _process(*words: str) -> Iterator[None]:
    """Run a command as long as the block lasts, with all that it starts in turn."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            words, cwd=ROOT, stdout=output, stderr=output, start_new_session=True
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                # A worker that was interrupted in the middle would first finish what it holds.
                with suppress(subprocess.TimeoutExpired):
                    process.wait(FAREWELL)
            finally:  # also if this process is asked to end just now
                # Its process group has the worker processes that it may have left.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def _redis() -> Iterator[str]:
    """Start a server; yield its URL."""
    library = module("redis")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        words = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", folder]
        words += ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
        stack.enter_context(_process(*words))
        with library.Redis(port=port) as client:
            _until(lambda: _answers(library, client))
        url = f"redis://127.0.0.1:{port}/0"
        os.environ["BENCHMARK_REDIS"] = url  # for the apps, here and in the workers
        yield url


def _answers(library: Any, client: Any) -> bool:
    try:
        return bool(client.ping())
    except library.ConnectionError:
        return False


def _until(condition: Callable[[], bool]) -> None:
    # A server tells nobody that it is up: there is nothing else to wait on.
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("a server did not come up")
        time.sleep(0.02)


def celery(tasks: int, pool: str) -> Sample:
    """Run tasks on Celery: "prefork" with 2 processes (its default pool), or 4 "threads".

    worker_prefetch_multiplier is 64, as "Prefetch Limits" advises for many short tasks
    (https://docs.celeryq.dev/en/stable/userguide/optimizing.html). Results come back through
    ResultSet.join_native, which its reference recommends where the backend is Redis. Gossip,
    mingle and heartbeat, of no use to a single worker, are off.
    """
    count = PROCESSES if pool == "prefork" else 4
    words = [sys.executable, "-m", "celery", "-A", "tests.benchmarks.celery_app", "worker"]
    words += ["-P", pool, "-c", str(count), "--loglevel=ERROR"]
    words += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    with _redis(), _process(*words):
        task = module("tests.benchmarks.celery_app").echo
        result_set = module("celery.result").ResultSet
        task.delay(0).get(timeout=PATIENCE, interval=0.01)

        def work() -> int:
            made = [task.delay(number) for number in range(tasks)]
            return sum(result_set(made).join_native(timeout=PATIENCE, interval=0.005))

        return timed(work, tasks)


def dramatiq(tasks: int) -> Sample:
    """Run tasks on dramatiq: one process a core with 8 threads each, its defaults.

    The Results middleware with a RedisBackend keeps what actors return, and
    `get_result(block=True)` waits in Redis (https://dramatiq.io/guide.html, "Message Results").
    """
    words = [
        sys.executable,
        "-m",
        "dramatiq",
        "tests.benchmarks.dramatiq_app",
        "-p",
        str(PROCESSES),
    ]
    with _redis(), _process(*words):
        actor = module("tests.benchmarks.dramatiq_app").echo
        wait = int(PATIENCE * 1e3)
        actor.send(0).get_result(block=True, timeout=wait)

        def work() -> int:
            made = [actor.send(number) for number in range(tasks)]
            return sum(message.get_result(block=True, timeout=wait) for message in made)

        return timed(work, tasks)


def rq(tasks: int) -> Sample:
    """Run tasks on RQ: a worker-pool of 2 SimpleWorkers.

    SimpleWorker runs jobs without a fork, "if your jobs are extremely short-lived"
    (https://github.com/rq/rq/blob/master/docs/benchmark.md): six times as fast there as the
    default Worker. `latest_result(timeout=...)` waits in Redis
    (https://python-rq.org/docs/results/).
    """
    with _redis() as url:
        script = str(Path(sys.executable).with_name("rq"))
        words = [script, "worker-pool", "-u", url, "-n", str(PROCESSES), "-q"]
        words += ["-w", "rq.worker.SimpleWorker", "-P", str(ROOT), "benchmark"]
        connection = module("redis").Redis.from_url(url)
        with connection, _process(*words):
            queue = module("rq").Queue("benchmark", connection=connection)
            queue.enqueue(echo, 0).latest_result(timeout=int(PATIENCE))

            def work() -> int:
                made = [queue.enqueue(echo, number) for number in range(tasks)]
                return sum(job.latest_result(timeout=int(PATIENCE)).return_value for job in made)

            return timed(work, tasks)
