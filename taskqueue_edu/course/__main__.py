"""The command `python -m taskqueue_edu.course`, for those who write notebooks.

Exit codes: 0 all is well, 1 a notebook failed or is out of date, 2 the command line is wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from taskqueue_edu.course.builder import build as build_notebooks
from taskqueue_edu.course.builder import check as check_notebooks
from taskqueue_edu.course.sources import SOURCES
from taskqueue_edu.errors import TaskQueueError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def _course() -> None:
    """Make the notebooks of the course from their sources."""


@app.command()
def build(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which notebooks, such as phase1. Default: all.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder of the notebooks.")] = Path("notebooks"),
    sources: Annotated[Path, typer.Option(help="The folder of the sources.")] = SOURCES,
    check: Annotated[
        bool, typer.Option("--check", help="Run nothing: say what is out of date, and exit 1.")
    ] = False,
) -> None:
    """Run the notebooks and write them, or check that those there are up to date."""
    try:
        if check:
            if findings := check_notebooks(names or (), out, sources=sources):
                again = f"python -m taskqueue_edu.course build --out {out}"
                raise TaskQueueError("\n".join(findings), hint=f"build them again: {again}")
            typer.echo("The notebooks are up to date.")
        else:
            build_notebooks(names or (), out, sources=sources, report=typer.echo)
    except TaskQueueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    app(prog_name="python -m taskqueue_edu.course")
