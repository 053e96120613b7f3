"""The command `python -m taskqueue_edu.course`, for those who write notebooks.

Exit codes: 0 all is well, 1 it can't be done, or a notebook is out of date, 2 the command line is
wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from taskqueue_edu.course.builder import build as build_notebooks
from taskqueue_edu.course.builder import check as check_notebooks
from taskqueue_edu.course.export import Form
from taskqueue_edu.course.export import export as export_notebooks
from taskqueue_edu.course.rationale import rationale
from taskqueue_edu.course.scaffold import left_to_write, scaffold
from taskqueue_edu.course.sources import SOURCES
from taskqueue_edu.course.tables import put_in
from taskqueue_edu.errors import TaskQueueError
from taskqueue_edu.lab.exercises import FOLDER, PRIVATE

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


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


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The phase and a few words, such as p2_lost_task.")],
    folder: Annotated[Path, typer.Option(help="The folder of the exercises.")] = FOLDER,
) -> None:
    """Make the folder of a new exercise: a small one that works, to be changed file by file.

    Notes in it say what to write where. AUTHORING.md, beside this command, is the guide.
    """
    try:
        made = scaffold(name, folder)
    except TaskQueueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(f"Made {made}. To write, and then to delete the note that says so:")
    for note in left_to_write(made):
        typer.echo(f"  {note}")


@app.command()
def quiz(
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("notebooks/QUIZ.md"),
) -> None:
    """Write the table of the concept quiz: what each question finds out, and how that is known."""
    out.write_text(rationale(), encoding="utf-8")
    typer.echo(f"wrote {out}")


@app.command()
def export(
    form: Annotated[Form, typer.Argument(help="What to export.")],
    out: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write to.")],
    names: Annotated[
        list[str] | None, typer.Argument(help="Which notebooks, such as phase1. Default: all.")
    ] = None,
    sources: Annotated[Path, typer.Option(help="The folder of the sources.")] = SOURCES,
    private: Annotated[
        Path | None,
        typer.Option(
            envvar=PRIVATE,
            metavar="FOLDER",
            exists=True,
            file_okay=False,
            help="Exercises of your own, that students don't have.",
        ),
    ] = None,
) -> None:
    """Write what an instructor hands out and grades with: each exercise gives a point.

    solutions: notebooks with the solutions put in and explained.

    nbgrader: a course folder. In it, with the environment activated, run
    `nbgrader generate_assignment 01_core_task_system`, hand out what is in release/, collect in
    submitted/, and run `nbgrader autograde 01_core_task_system`.

    otter: master notebooks. For each run `otter assign 01_core_task_system.ipynb dist`, hand out
    dist/student, and grade with `otter run -a dist/autograder/*.zip NOTEBOOK`.

    The exercises in the --private folder have the form of those in the package. One with a new
    name, which a source of yours places by its mark (see --sources), is checked only while
    grading. One with the name of an exercise in the package takes its place: the students' check
    is the package's, the grade is yours. DIR/private gets a copy of the folder: don't hand that
    out.

    An answer runs in the same process as its check. That keeps mistakes out, not fraud.
    """
    try:
        for path in export_notebooks(form, out, names or (), sources=sources, private=private):
            typer.echo(f"wrote {path}")
    except TaskQueueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


@app.command()
def tables(
    page: Annotated[
        Path, typer.Argument(help="The page to put them into.", exists=True, dir_okay=False)
    ] = Path("notebooks/INSTRUCTORS.md"),
) -> None:
    """Put into the instructor's page which exercises there are, and which misconceptions they meet.

    The tables are made from the exercises and the questions. A test says when they are out of date.
    """
    try:
        page.write_text(put_in(page.read_text(encoding="utf-8")), encoding="utf-8")
    except TaskQueueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(f"wrote {page}")


if __name__ == "__main__":
    app(prog_name="python -m taskqueue_edu.course")
