"""`taskqueue lab`: JupyterLab, open at the first notebook."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

import typer

from taskqueue_edu.cli.output import say

FIRST: Final = ("00_start_here.ipynb", "01_core_task_system.ipynb")
_PACKAGE: Final = Path(__file__).parents[1]


def lab(
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="PATH", help="A notebook, or a folder with notebooks.", show_default=False
        ),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="-- OPTION", help="Options for JupyterLab: all after --.", show_default=False
        ),
    ] = None,
) -> None:
    """Open JupyterLab at the first notebook.

    Without PATH, the notebooks are looked for in ./notebooks, then beside an editable install
    of this package. They run on the Python that runs this command. Ctrl-C ends it.
    """
    from taskqueue_edu.cli.errors import CommandError

    passed_on = list(options or ())
    if path is not None and path.startswith("-"):  # `taskqueue lab -- --port 8899` has no PATH
        passed_on.insert(0, path)
        path = None
    notebook = find_notebook(None if path is None else Path(path)).resolve()
    if find_spec("jupyterlab") is None:
        raise CommandError(
            f"JupyterLab is not installed for {sys.executable}",
            hint="install it, in the folder of the repository: pip install -e '.[lab]'",
        )
    command = [sys.executable, "-m", "jupyterlab", str(notebook), *passed_on]
    # With a browser, Jupyter opens the notebook by itself; without one, it prints an address.
    if not any("root_dir" in option or "notebook-dir" in option for option in passed_on):
        command.append(f"--ServerApp.root_dir={notebook.parent}")
        command.append(f"--LabApp.default_url=/lab/tree/{quote(notebook.name)}")
    # Jupyter asks root for this; in a container there is often nobody else.
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in passed_on:
        command.append("--allow-root")
    say(f"Opening {notebook} in JupyterLab. Ctrl-C here ends it.")
    sys.stdout.flush()
    if os.name == "posix":
        # From here on, signals and exit code are Jupyter's.
        os.execv(command[0], command)  # noqa: S606 - this Python, and options of who called it
    import subprocess

    raise typer.Exit(subprocess.call(command))  # noqa: S603 - as above


def find_notebook(path: Path | None) -> Path:
    """Return the notebook to open. Raises CommandError."""
    from taskqueue_edu.cli.errors import CommandError

    if path is not None and path.is_file() and path.suffix == ".ipynb":
        return path
    if path is not None:
        folders = [path, path / "notebooks"]
    else:
        folders = [Path("notebooks"), _PACKAGE.parent / "notebooks"]
    for folder in folders:
        for name in FIRST:
            if (folder / name).is_file():
                return folder / name
    raise CommandError(
        f"there are no notebooks in {' or '.join(map(str, folders))}",
        hint="clone the repository, where the notebooks are, and call `taskqueue lab` in it.",
    )
