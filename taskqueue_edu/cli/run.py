"""`taskqueue run`: a built-in workload, or the tasks of a Python file, on a pool."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from contextlib import closing
from pathlib import Path
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, Annotated, Any

import typer

from taskqueue_edu.cli import options
from taskqueue_edu.cli.output import console, say

if TYPE_CHECKING:
    from taskqueue_edu.cli.session import Session
    from taskqueue_edu.cli.workload import Job
    from taskqueue_edu.task import Task


def run(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="stdlib, corpus, fetch, math, sleep, flaky or primes; or a .py file.",
        ),
    ],
    n: Annotated[
        int | None,
        typer.Option("--n", metavar="SIZE", min=1, help="How many tasks, instead of the usual."),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep tasks and results in this folder.", file_okay=False),
    ] = None,
    workers: options.Workers = None,
    processes: options.Processes = False,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Stop after so long, as Ctrl-C would."),
    ] = None,
    attempts: options.Attempts = None,
    maxsize: options.Maxsize = None,
    sync: options.Sync = None,
    retain: options.Retain = None,
    config_file: options.ConfigFile = None,
) -> None:
    """Run a workload, and show its progress and a summary.

    A Python file is imported under its own name (my_tasks.py is the module my_tasks). It
    defines tasks(), which returns or yields the tasks to run. For a store, and for processes,
    their classes need @task_type.

    Ctrl-C stops cleanly: nothing new is started, and running tasks get a few seconds. A second
    Ctrl-C ends it at once. With --store, the same command goes on where it stopped: a task
    that is in the journal already (same type, same JSON) is not submitted again, and its
    result counts.
    """
    from taskqueue_edu.cli.session import Session
    from taskqueue_edu.cli.workload import find_job

    if timeout is not None and not 0 <= timeout <= TIMEOUT_MAX:
        raise typer.BadParameter("give seconds, 0 or more", param_hint="--timeout")
    config = options.load_config(
        config_file,
        workers=workers,
        maxsize=maxsize,
        store=None if store is None else str(store),
        sync=sync,
        retain=retain,
        attempts=attempts,
    )
    with (
        find_job(what, n, stored=config.store is not None) as job,
        closing(options.open_queue(config.store, config)) as queue,
        Session(queue, config.workers, processes=processes) as session,
    ):
        _run(session, job, config.store, timeout)


def _run(session: Session, job: Job, store: str | None, timeout: float | None) -> None:
    from taskqueue_edu.cli.summary import Outcome
    from taskqueue_edu.cli.workload import Earlier

    queue = session.queue
    earlier = Earlier(store)
    plan: Iterable[tuple[Task[Any], str | None]] = (
        (task, earlier.take(task)) for task in job.tasks
    )
    total = None
    if isinstance(job.tasks, Sized):
        plan = list(plan)
        total = session.known + sum(task_id is None for _, task_id in plan)
    ids: list[str] = []

    def feed() -> None:
        for task, known_id in plan:
            if session.stopping:
                return
            ids.append(known_id or queue.submit(task))

    stopped = session.run(feed, total=total, timeout=timeout)
    mine = ids.copy()  # a feeder that would not stop may still add to the list
    outcome = Outcome(session, dict.fromkeys([*mine, *session.ids()]))
    outcome.print(job.name)
    session.say_unknown()
    if job.describe is not None:
        console().print(f"\n{job.describe(outcome.results(mine))}")
    if stopped:
        counts = queue.registry.counts()
        done = sum(n for status, n in counts.items() if status.finished)
        of = "" if total is None else f" of {total:,}"
        kept = "nothing is kept without --store." if store is None else f"kept in {store}."
        say(f"\nStopped: {done:,}{of} tasks are done, {kept}")
        if store is not None:
            say("The same command goes on from there.")
    session.exit(stopped or outcome.code)
