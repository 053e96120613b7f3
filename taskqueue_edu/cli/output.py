"""What the commands print: tables for people, JSON for programs."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console


def plain(text: str) -> str:
    r"""Return the text with control characters spelled out, such as \x1b.

    Messages and names come from journals and from tasks: what they hold must not move the
    cursor, nor change the terminal's title.
    """
    if text.isprintable():
        return text
    shown = (c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)
    return "".join(shown)


def say(text: str) -> None:
    """Tell the person at the terminal: on standard error, apart from the results."""
    text = plain(text)
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns - 1
        text = "\n".join(_wrapped(line, width) for line in text.split("\n"))
    typer.echo(text, err=True)


def _wrapped(line: str, width: int) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def print_json(value: Any) -> None:
    """Print a value as one line of JSON, in UTF-8 whatever the terminal's encoding is."""
    import msgspec

    typer.echo(msgspec.json.encode(value))


def console() -> Console:
    """Return a console for standard output.

    In a terminal it has the terminal's width and colors. In a pipe or a file it has neither:
    there a row is a line, however long, so that `grep` and `cut` work.
    """
    from rich.console import Console

    width = None if sys.stdout.isatty() else 10_000
    return Console(highlight=False, markup=False, emoji=False, width=width)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, right: str = "") -> None:
    """Print a table. `right` has an "r" at the place of each column of numbers, as in "  rr"."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for number, heading in enumerate(headings):
        numeric = right[number : number + 1] == "r"
        table.add_column(
            heading, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    console().print(table)
