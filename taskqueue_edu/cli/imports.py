"""How task types get in: by importing what the command line names, and nothing else."""

from __future__ import annotations

import importlib
import sys
import sysconfig
import traceback
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from taskqueue_edu.cli.errors import CommandError


def import_types(names: Iterable[str] | None) -> None:
    """Register the built-in task types, and those of the modules or .py files named.

    A module is looked up as usual, then in the current folder. Raises CommandError.
    """
    importlib.import_module("taskqueue_edu.workloads")
    for name in names or ():
        if name.endswith(".py"):
            import_file(Path(name))
        else:
            _search_too(Path.cwd())
            _import(name, name)


def import_file(path: Path) -> ModuleType:
    """Import a Python file as the module that is called like it: `my_tasks.py` is `my_tasks`.

    Its folder is searched for modules from now on, after all other places: so the file finds
    its neighbors, and processes of a pool find the file. Raises CommandError, as for a file
    that is called like another module.
    """
    path = path.resolve()
    if not path.is_file():
        raise CommandError(f"there is no file {path}", hint="check the name.")
    _search_too(path.parent)
    try:
        spec = find_spec(path.stem)
    except (ImportError, ValueError):  # a dot in the name, or __main__
        spec = None
    if spec is None or spec.origin is None or Path(spec.origin).resolve() != path:
        found = f": that name belongs to {spec.origin or 'a package'}" if spec else ""
        raise CommandError(
            f"{path} can't be imported as {path.stem!r}{found}",
            hint="rename the file: letters, digits and _, and not the name of another module.",
        )
    return _import(path.stem, str(path))


def _search_too(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    importlib.invalidate_caches()  # the folder may have been searched before the file was there


def _import(name: str, shown: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # the module's own code runs
        raise failure(f"can't import {shown}", error) from error


def failure(what: str, error: BaseException) -> CommandError:
    """Return the error that says in one line what the user's own code raised, and where."""
    not_theirs = ("<", str(Path(__file__).parents[1]), sysconfig.get_path("stdlib"))
    frames = traceback.extract_tb(error.__traceback__)
    places = [f for f in frames if not f.filename.startswith(not_theirs)]
    where = f" ({places[-1].filename}, line {places[-1].lineno})" if places else ""
    return CommandError(
        f"{what}: {type(error).__name__}: {error}{where}",
        hint="TASKQUEUE_DEBUG=1 shows the whole traceback.",
    )
