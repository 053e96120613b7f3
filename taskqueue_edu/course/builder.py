"""Build the notebooks from their sources, and tell whether the ones there are up to date."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.reader import NotJSONError

from taskqueue_edu.course.execute import execute
from taskqueue_edu.course.rules import broken_rules, first_line
from taskqueue_edu.course.sources import (
    SOURCES,
    CourseError,
    Source,
    find_sources,
    read_source,
    render,
)


def build(
    names: Sequence[str],
    out: Path,
    *,
    sources: Path = SOURCES,
    report: Callable[[str], None],
) -> list[Path]:
    """Run each notebook and write it to the folder `out`; return the files written.

    No names means all. `report` gets lines on how far it is. Raises CourseError at the first
    notebook that fails or breaks a rule: the file that was there before stays as it is.
    """
    _require_folder(out)
    written = []
    for source in find_sources(sources, names):
        started = time.monotonic()
        report(f"{source.notebook}: building from {source.path.name}")
        notebook = read_source(source)
        execute(notebook, source.notebook, report)
        if broken := broken_rules(notebook):
            raise CourseError(
                "\n".join(f"{source.notebook}: {rule}" for rule in broken),
                hint="change the source of the notebook, then build it again.",
            )
        written.append(_replace(_file(source, out), render(notebook)))
        report(f"{source.notebook}: built in {time.monotonic() - started:.1f} s")
    return written


def check(names: Sequence[str], out: Path, *, sources: Path = SOURCES) -> list[str]:
    """Return one sentence for each way in which a notebook in `out` is not what `build` writes.

    Nothing is run, so it takes a second: prose, code, tags and ids are compared with the
    source, and the outputs are looked at. Whether running the cells again gives the same
    outputs is what the tests find out. Without names, a notebook in `out` that has no source
    is one more finding.
    """
    _require_folder(out)
    wanted = find_sources(sources, names)
    found = [f"{s.notebook}: {fault}" for s in wanted for fault in _faults(s, out)]
    if not names:
        known = {source.notebook for source in wanted}
        strangers = sorted(path.stem for path in out.glob("*.ipynb") if path.stem not in known)
        found += [f"{name}: there is no source for it" for name in strangers]
    return found


def _faults(source: Source, out: Path) -> list[str]:
    path = _file(source, out)
    if not path.is_file():
        return ["it has not been built"]
    try:
        # Read as text, so that a checkout with Windows line ends counts as the same.
        text = path.read_text(encoding="utf-8")
        there: NotebookNode = nbformat.reads(text, as_version=nbformat.NO_CONVERT)
        nbformat.validate(there)
    except (UnicodeDecodeError, NotJSONError, nbformat.ValidationError) as error:
        return [f"it is not a notebook that can be read: {error}"]
    if difference := _difference(read_source(source), there):
        return [difference]
    if broken := broken_rules(there):
        return broken
    if text != render(there):
        return ["another program than this one wrote the file"]
    return []


def _difference(expected: NotebookNode, there: NotebookNode) -> str | None:
    """Say where the notebook first differs from its source, leaving its outputs aside."""
    for number, (new, old) in enumerate(zip(expected.cells, there.cells, strict=False), start=1):
        wrong = [
            key for key in ("cell_type", "source", "metadata", "id") if new.get(key) != old.get(key)
        ]
        if wrong:
            return f"cell {number} ({first_line(new)}) differs from the source in {wrong[0]}"
    if len(expected.cells) != len(there.cells):
        return f"it has {len(there.cells)} cells, its source {len(expected.cells)}"
    if "widgets" not in there.metadata and expected.metadata != there.metadata:
        return "its metadata are not those that it was built with"
    return None


def _file(source: Source, out: Path) -> Path:
    return out / f"{source.notebook}.ipynb"


def _require_folder(out: Path) -> None:
    if not out.is_dir():
        raise CourseError(
            f"there is no folder {out}",
            hint="start at the top of the checkout, or name an existing folder with --out.",
        )


def _replace(path: Path, text: str) -> Path:
    """Write the whole file or, if that fails, none of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
