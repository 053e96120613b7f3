"""Options that several commands share, and the configuration that lies under them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from taskqueue_edu.cli.output import say

if TYPE_CHECKING:
    from taskqueue_edu.config import Config
    from taskqueue_edu.queue import TaskQueue

NewFolder: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="DIR", help="The folder of the journal; made if it is not there.", file_okay=False
    ),
]
Folder: TypeAlias = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="The folder of the journal.", exists=True, file_okay=False),
]
TaskIdText: TypeAlias = Annotated[
    str, typer.Argument(metavar="ID", help="The task's id, as `submit` printed it.")
]
Imports: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        metavar="MODULE",
        help="Import a module, or a .py file, for its task types. Can be repeated.",
    ),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, on one line.")]

ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Settings in TOML, instead of ./taskqueue.toml. See `taskqueue config`.",
    ),
]
Workers: TypeAlias = Annotated[
    int | None,
    typer.Option("--workers", "-w", metavar="N", help="How many tasks run at once.  [config: 4]"),
]
Processes: TypeAlias = Annotated[
    bool, typer.Option("--processes", help="Run tasks in processes instead of threads.")
]
Maxsize: TypeAlias = Annotated[
    int | None,
    typer.Option(metavar="N", help="Tasks that may wait; 0 for no bound.  [config: 0]"),
]
Sync: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="process|interval|always",
        help="What the journal survives: the end of the process, or of the machine too: after a "
        "second, or at once.  [config: process]",
    ),
]
Retain: TypeAlias = Annotated[
    int | None,
    typer.Option(metavar="N", help="Finished tasks whose results are kept.  [config: 100000]"),
]
Attempts: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Runs of a task that fails, if its type has no policy of its own.  [config: 1]",
    ),
]


def load_config(file: Path | None, *, attempts: int | None = None, **given: Any) -> Config:
    """Return the configuration: what was `given` (not None), then the environment, the file.

    Raises ConfigError, InvalidTask.
    """
    from taskqueue_edu.config import Config
    from taskqueue_edu.errors import ConfigError

    config = Config.load(file)
    changes = {key: value for key, value in given.items() if value is not None}
    if attempts is not None:
        changes["retry"] = replace(config.retry, attempts=attempts)
    try:
        return replace(config, **changes)
    except ConfigError as error:
        message = error.message.replace("Config: ", "--", 1)
        raise ConfigError(message, hint=error.hint) from error


def open_queue(folder: str | Path | None, config: Config) -> TaskQueue:
    """Open the queue in that folder, or make one in memory (None).

    Says on standard error what opening repaired, if anything.
    """
    from taskqueue_edu.queue import TaskQueue

    names = ("maxsize", "retry", "retain", "retain_seconds", "max_recoveries", "limits")
    options: dict[str, Any] = {name: config[name] for name in names}
    if folder is None:
        return TaskQueue(**options)
    with _report_not_logged():
        queue = TaskQueue.open(
            folder,
            sync=config.sync,
            interval=config.interval,
            compact_at=config.compact_at or None,
            **options,
        )
    report = queue.recovery
    if report.damaged or report.recovered or report.dead:
        # Tasks of unknown types are no damage, and named at the end of the run.
        say_found(f"Found in {folder}:", replace(report, unknown_types={}).lines())
    return queue


def say_found(heading: str, found: Iterable[str]) -> None:
    """Tell the person at the terminal what was found, a finding a line."""
    say("\n".join([heading, *(f"  - {line}" for line in found)]))


@contextmanager
def _report_not_logged() -> Iterator[None]:
    """Keep the warning that opening logs of a damaged journal away: the command says the same."""

    def other(record: logging.LogRecord) -> bool:
        return record.module != "report"

    log = logging.getLogger("taskqueue_edu")
    log.addFilter(other)
    try:
        yield
    finally:
        log.removeFilter(other)
