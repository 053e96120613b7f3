"""What `taskqueue run` runs: tasks to make, and tasks that an earlier run has made already."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from taskqueue_edu.catalogue import catalogue
from taskqueue_edu.cli.errors import CommandError
from taskqueue_edu.cli.imports import failure, import_file
from taskqueue_edu.errors import TaskQueueError
from taskqueue_edu.facts import KEPT, SUBMITTED
from taskqueue_edu.journal import read_facts
from taskqueue_edu.task import Task
from taskqueue_edu.workloads import BUILTIN


class Job(NamedTuple):
    """Tasks to run. `describe` turns their results into a paragraph."""

    name: str
    tasks: Iterable[Task[Any]]
    describe: Callable[[Sequence[Any]], str] | None


@contextmanager
def find_job(what: str, n: int | None, *, stored: bool) -> Iterator[Job]:
    """Give the built-in workload of that name, or the tasks of that Python file: `n` at most.

    Raises CommandError, as for a workload that a store can't go on with.
    """
    if what == "fetch" and stored:
        raise CommandError(
            "fetch can't go on from a store: its server has another address in each run",
            hint="run it without --store, or choose another workload.",
        )
    if what in BUILTIN:
        with BUILTIN[what].open(n) as tasks:
            yield Job(what, tasks, BUILTIN[what].summarize)
    elif what.endswith(".py"):
        yield Job(Path(what).stem, _tasks_of(Path(what), n), None)
    else:
        raise CommandError(
            f"there is no workload {what!r}",
            hint=f"name one of {', '.join(BUILTIN)}; or a Python file, my_tasks.py.",
        )


def _tasks_of(path: Path, n: int | None) -> Iterable[Task[Any]]:
    """Return what the file's tasks() returns: a list if it is there at once, else an iterator."""
    make = getattr(import_file(path), "tasks", None)
    if not callable(make):
        raise CommandError(
            f"{path} defines no function tasks()",
            hint="define one that takes nothing, and returns or yields the tasks to run.",
        )

    def made() -> Iterator[Task[Any]]:
        try:
            yield from islice(tasks, n)
        except (TaskQueueError, GeneratorExit):
            raise
        except (Exception, SystemExit) as error:  # the file's own code runs
            raise failure(f"tasks() of {path} failed", error) from error

    try:
        tasks = make()
    except (Exception, SystemExit) as error:
        raise failure(f"tasks() of {path} failed", error) from error
    return list(made()) if isinstance(tasks, Sized) else made()


class Earlier:
    """The tasks that a folder's journal has, by type and JSON. Each is given out once."""

    def __init__(self, folder: str | None) -> None:
        """Read the journal; None means that there is none. Raises StorageError."""
        self._store = folder is not None
        self._ids: defaultdict[tuple[str, bytes], deque[str]] = defaultdict(deque)
        for kind, task_id, _, type_, detail in read_facts(Path(folder)) if folder else ():
            if kind in (SUBMITTED, KEPT) and detail.payload is not None:
                self._ids[type_, detail.payload].append(task_id)

    def take(self, task: Task[Any]) -> str | None:
        """Return the id of an equal task. Raises InvalidTask if a journal can't keep the task."""
        if not self._store:
            return None
        payload, _ = catalogue.encode(task)
        entry = catalogue.of(task)
        assert entry is not None
        ids = self._ids.get((entry.name, payload))
        return ids.popleft() if ids else None
