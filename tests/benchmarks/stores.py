"""The persistent peers, each with the work that `persistent.ours` has: run, results collected.

None of them checks a task or a result on its way, keeps a state machine, or is watched.
"""

from __future__ import annotations

import json
import logging
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.harness import Sample, module
from tests.benchmarks.work import WORKERS, echo, timed

WARM_UP: Final = 20
"""Tasks that are run before the clock starts where there is a pool to keep warm."""


def huey(tasks: int, submitters: int, fsync: str) -> Sample:
    """Run tasks on huey's SqliteHuey and its own Consumer with 4 threads.

    `fsync` "" leaves its default, the SQLite library's own level in WAL mode: FULL, where nobody
    built SQLite otherwise, which syncs at every commit; "no" is `fsync=False`, which leaves that
    to the system, as sync="process" does here. See "SqliteHuey" in
    https://huey.readthedocs.io/en/latest/api.html.

    Polling (https://huey.readthedocs.io/en/latest/consumer.html, --delay and --max-delay) is set
    to 1 to 10 ms, far below the default of 0.1 to 10 s, and so is that for results: in huey's
    favor, as are the scheduler and the health check that are off.
    """
    library = module("huey")
    logging.disable(logging.ERROR)
    options = {"fsync": False} if fsync == "no" else {}
    with tempfile.TemporaryDirectory() as folder:
        app = library.SqliteHuey(filename=str(Path(folder, "huey.db")), **options)
        task = app.task()(echo)
        consumer = app.create_consumer(
            workers=WORKERS,
            periodic=False,
            initial_delay=0.001,
            max_delay=0.01,
            check_worker_health=False,
        )
        consumer._set_signal_handlers = lambda: None  # this process has its own
        consumer.start()

        def client(first: int) -> int:
            made = [task(number) for number in range(first, tasks, submitters)]
            return sum(result.get(blocking=True, max_delay=0.01) for result in made)

        try:
            for result in [task(number) for number in range(WARM_UP)]:
                result.get(blocking=True, max_delay=0.01)
            with ThreadPoolExecutor(submitters) as clients:
                return timed(lambda: sum(clients.map(client, range(submitters))), tasks)
        finally:
            consumer.stop(graceful=True)
            app.storage.close()


def persist_queue(tasks: int) -> Sample:
    """Run tasks on persist-queue: an SQLiteAckQueue, and an SQLiteQueue for the results.

    `multithreading=True` for threads, as "Thread Safety Issues" in its README has it
    (https://github.com/peter-wangxu/persist-queue). It brings no workers and no results: 4
    threads take an item, run it, put its result, and acknowledge. Every step is committed by
    itself, as every one here is: auto_commit is on.
    """
    library = module("persistqueue")
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        items = library.SQLiteAckQueue(str(Path(folder, "items")), multithreading=True)
        results = library.SQLiteQueue(
            str(Path(folder, "results")), multithreading=True, auto_commit=True
        )
        left = threading.Semaphore(tasks)

        def work() -> None:
            while left.acquire(blocking=False):
                item = items.get()
                results.put(echo(item["number"]))
                items.ack(item)

        def all_of_it() -> int:
            threads = _started(work)
            for number in range(tasks):
                items.put({"type": "echo", "number": number})
            _joined(threads)
            return sum(results.get(block=False) for _ in range(tasks))

        try:
            return timed(all_of_it, tasks)
        finally:
            items.close()
            results.close()


def lite_queue(tasks: int) -> Sample:
    """Run tasks on litequeue, with a second one for the results.

    Its own settings: WAL and synchronous=NORMAL, which syncs at checkpoints only; messages are
    strings, JSON here (https://github.com/litements/litequeue). It has neither workers nor a
    wait: 4 threads pop, run, put the result and mark the message done, and look again after 1 ms
    when there is nothing. A lock keeps them off its one connection, which is not made for two
    threads at once.
    """
    library = module("litequeue")
    lock = threading.Lock()
    with tempfile.TemporaryDirectory() as folder:
        items = library.LiteQueue(str(Path(folder, "items.db")))
        results = library.LiteQueue(str(Path(folder, "results.db")))
        left = threading.Semaphore(tasks)

        def take() -> Any:
            while True:
                with lock:
                    message = items.pop()
                if message is not None:
                    return message
                time.sleep(0.001)

        def work() -> None:
            while left.acquire(blocking=False):
                message = take()
                value = json.dumps(echo(json.loads(message.data)["number"]))
                with lock:
                    results.put(value)
                    items.done(message.message_id)

        def all_of_it() -> int:
            threads = _started(work)
            for number in range(tasks):
                data = json.dumps({"type": "echo", "number": number})
                with lock:
                    items.put(data)
            _joined(threads)
            return sum(json.loads(results.pop().data) for _ in range(tasks))

        try:
            return timed(all_of_it, tasks)
        finally:
            items.conn.close()
            results.conn.close()


def _started(work: Callable[[], None]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    return threads


def _joined(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join()
