"""`taskqueue doctor` and `compact`: the journal as a file."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from taskqueue_edu.cli import options
from taskqueue_edu.cli.errors import CommandError
from taskqueue_edu.cli.group import TASK_FAILED
from taskqueue_edu.cli.output import plain, print_json, say
from taskqueue_edu.errors import StorageError

if TYPE_CHECKING:
    from taskqueue_edu.config import Config
    from taskqueue_edu.journal import JsonStore
    from taskqueue_edu.journal.scan import Scan

_WRITING: Final = 0.2
"""Seconds that a line may take to be written: a last line that is not whole yet is not torn."""
_SHOWN: Final = 10


def doctor(
    folder: options.Folder,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Put aside what is damaged. Nobody else may use the folder."),
    ] = False,
    config_file: options.ConfigFile = None,
    as_json: options.AsJson = False,
) -> None:
    """Look for damage in a folder's journal, and change nothing.

    Exit code 0 if it is sound, 1 if it is damaged. `taskqueue work` repairs by itself what a
    crash or a disk can do; --repair also puts lines aside that are as they were written and that
    this program can't read. What is put aside stays in the folder: in quarantine.jsonl and in
    torn-*.bin.
    """
    from taskqueue_edu.facts import CARRIED
    from taskqueue_edu.journal import RecoveryReport

    _check_there(folder)
    done = _repair(folder, options.load_config(config_file)) if repair else []
    found = _scan(folder)
    tasks, misfits = _fold(found)
    report = RecoveryReport(
        folder,
        facts=sum(fact[0] != CARRIED for fact in found.facts),
        torn_bytes=len(found.torn),
        quarantined=[(damage.offset, damage.reason) for damage in found.damage],
        gaps=found.gaps,
        duplicates=found.duplicates,
        ignored=misfits,
    )
    requests, unreadable = _inbox(folder)
    aside = _put_aside(folder)
    size = found.end + len(found.torn)
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "sound": not report.damaged,
                "version": found.version,
                "bytes": size,
                "facts": report.facts,
                "tasks": tasks,
                "found": report.lines(),
                "repaired": done,
                "inbox": requests,
                "unreadable": unreadable,
                "put_aside": aside,
            }
        )
    else:
        if done:
            options.say_found(f"Repaired in {folder}:", done)
        rows = {
            "journal": [
                f"version {found.version}, {size:,} bytes, {report.facts:,} facts"
                if size
                else "none yet"
            ],
            "tasks": [_counted(tasks) or "none"],
            "inbox": [_counted(requests) or "empty", *unreadable[:_SHOWN]],
            "put aside": [_counted(aside) or "nothing"],
            "found": report.lines() or ["no damage"],
        }
        for name, lines in rows.items():
            for number, line in enumerate(lines):
                typer.echo(f"{'' if number else name:<12}{plain(line)}")
    if report.damaged:
        say(f"What to do: taskqueue doctor {folder} --repair")
        raise typer.Exit(TASK_FAILED)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in counts.items() if n)


def _check_there(folder: Path) -> None:
    """Raise StorageError unless the folder has a journal or an inbox."""
    if not any((folder / name).exists() for name in ("journal.jsonl", "inbox")):
        raise StorageError(f"there is no journal in {folder}", hint="check the folder's name.")


def _scan(folder: Path) -> Scan:
    """Read the journal. Raises StorageError, as for a journal of another program."""
    from taskqueue_edu.files import storage_errors
    from taskqueue_edu.journal.scan import scan

    path = folder / "journal.jsonl"
    end = time.monotonic() + _WRITING
    while True:
        with storage_errors("read", path):
            data = path.read_bytes() if path.exists() else b""
        found = scan(data, path)
        if not found.torn or time.monotonic() > end:
            return found
        time.sleep(_WRITING / 10)  # its owner may be writing that line just now


def _fold(found: Scan) -> tuple[dict[str, int], int]:
    """Return how many tasks are in each status, and how many facts fit no life of a task."""
    from taskqueue_edu.ledger import Ledger

    ledger = Ledger(len(found.facts))
    misfits = ledger.replay(found.facts)
    return {str(status): n for status, n in ledger.counts.items()}, len(misfits)


def _inbox(folder: Path) -> tuple[dict[str, int], list[str]]:
    """Return how many requests of each kind wait, and which can't be read, and why."""
    from taskqueue_edu import files
    from taskqueue_edu.journal import Inbox
    from taskqueue_edu.journal.lines import MAX_LINE, decode_request

    counts: Counter[str] = Counter()
    unreadable = []
    for path in Inbox(folder).waiting() if (folder / "inbox").is_dir() else ():
        try:
            counts[decode_request(files.read_limited(path, MAX_LINE))[0]] += 1
        except FileNotFoundError:
            pass  # taken in since
        except (ValueError, StorageError) as error:
            reason = error.message if isinstance(error, StorageError) else error
            unreadable.append(f"{path.name} can't be read: {reason}")
    return dict(counts), unreadable


def _put_aside(folder: Path) -> dict[str, int]:
    """Return how many pieces of damage earlier repairs have put aside, by where they are."""
    try:
        pieces = (folder / "quarantine.jsonl").read_bytes().count(b"\n")
    except FileNotFoundError:
        pieces = 0
    torn = len(list(folder.glob("torn-*.bin")))
    return {"in quarantine.jsonl": pieces, "in torn-*.bin": torn}


def _open(folder: Path, config: Config) -> JsonStore:
    """Own the journal. Raises StoreLocked, StorageError."""
    from taskqueue_edu.journal import JsonStore

    return JsonStore(
        folder,
        sync=config.sync,
        interval=config.interval,
        retain=config.retain,
        retain_seconds=config.retain_seconds,
        compact_at=None,
    )


def _repair(folder: Path, config: Config) -> list[str]:
    """Put aside what is damaged; return what was done, a line each."""
    if not (folder / "journal.jsonl").exists():
        return ["nothing: there is no journal yet"]
    with closing(_open(folder, config)) as store:
        store.load(repair=True)
    return store.report.lines() or ["nothing: no damage was found"]


def compact(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            help="The folder of the journal; else the setting `store`.",
            exists=True,
            file_okay=False,
            show_default=False,
        ),
    ] = None,
    retain: options.Retain = None,
    config_file: options.ConfigFile = None,
) -> None:
    """Make a folder's journal one line a task.

    No process may work there meanwhile. One that does compacts by itself: see the setting
    `compact_at`.
    """
    config = options.load_config(config_file, retain=retain)
    if folder is None:
        if config.store is None:
            raise CommandError("no folder is named", hint="give one, or set `store`.")
        folder = Path(config.store)
    if not (folder / "journal.jsonl").exists():
        raise StorageError(f"there is no journal in {folder}", hint="check the folder's name.")
    with closing(_open(folder, config)) as store:
        store.load()
        if store.report.damaged:
            options.say_found(f"Found in {folder}:", store.report.lines())
        before, after = store.compact()
    typer.echo(f"{folder}: {before:,} bytes before, {after:,} bytes after")
