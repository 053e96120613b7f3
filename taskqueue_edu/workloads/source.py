"""Index Python source files: CPU-bound, since parsing takes far longer than reading."""

from __future__ import annotations

import ast
import os
import sys
import sysconfig
import threading
import tokenize
from collections.abc import Collection, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from taskqueue_edu.catalogue import task_type

_CORPUS = Path(__file__).parent.parent / "corpus"
# Tests hold files that are broken on purpose; site-packages is not the standard library.
_NOT_STDLIB = ("test", "tests", "idle_test", "site-packages", "dist-packages")

# Before 3.11.8 and 3.12.2, all threads shared the counter with which ast.parse guards its
# recursion, and two at once could fail with SystemError (CPython issue 106905). Taking turns costs
# nothing there: the GIL lets one thread parse at a time anyway.
_PARSING = threading.Lock() if sys.version_info < (3, 12, 2) else nullcontext()

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class FileIndex:
    """What is in one source file. Methods and async functions count as functions.

    A function is as long as from its `def` to its last line, what is nested in it included.
    `longest_function` is its dotted name ("Account.deposit"), or None if there is no function.
    """

    path: str
    lines: int
    functions: int
    classes: int
    longest_function: str | None
    longest_function_lines: int


@task_type("index_file")
@dataclass(frozen=True)
class IndexFile:
    """Read and parse one Python source file. Nothing in it is executed."""

    path: str

    def execute(self) -> FileIndex:
        """Return the file's index.

        Raises OSError if it can't be read, and SyntaxError (or ValueError, for bytes that no
        text has) if it is no Python source.
        """
        with tokenize.open(self.path) as file:  # the encoding that the file declares (PEP 263)
            lines = file.readlines()
        with _PARSING:
            tree = ast.parse("".join(lines), self.path)
        functions = classes = longest = 0
        name = None
        for dotted, node in _definitions(tree):
            if isinstance(node, ast.ClassDef):
                classes += 1
                continue
            functions += 1
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > longest:
                name, longest = dotted, length
        return FileIndex(self.path, len(lines), functions, classes, name, longest)


def _definitions(tree: ast.AST) -> Iterator[tuple[str, _Definition]]:
    """Yield every function and class with its dotted name, in the order of the source.

    A stack instead of recursion, since a long `a + b + c + ...` nests deeper than Python's
    limit on recursion.
    """
    waiting = [("", tree)]
    while waiting:
        prefix, node = waiting.pop()
        if isinstance(node, _Definition):
            yield prefix + node.name, node
            prefix += node.name + "."
        waiting += reversed([(prefix, child) for child in ast.iter_child_nodes(node)])


def source_files(folder: str | Path, skip: Collection[str] = ()) -> list[Path]:
    """Return the Python source files in `folder` and below, sorted.

    Leaves out folders that are called as in `skip`, and those whose name begins with a dot.
    Raises OSError if a folder can't be listed.
    """

    def fail(error: OSError) -> NoReturn:
        raise error

    found = []
    for parent, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if name not in skip and not name.startswith(".")]
        found += [Path(parent, name) for name in names if name.endswith(".py")]
    return sorted(path for path in found if path.is_file())  # not a link that leads nowhere


def stdlib_files() -> list[Path]:
    """Return the source files of this Python's standard library, its tests left out, sorted.

    How many there are differs between builds of Python.
    """
    return source_files(sysconfig.get_path("stdlib"), skip=_NOT_STDLIB)


def corpus_files() -> list[Path]:
    """Return the small source files that come with this package: alike on every machine."""
    return source_files(_CORPUS)


@dataclass(frozen=True)
class SourceSummary:
    """The totals of many files. Of equally long functions, the first by path counts."""

    files: int
    lines: int
    functions: int
    classes: int
    longest_function: str | None
    longest_function_path: str | None
    longest_function_lines: int


def summarize(indexes: Iterable[FileIndex]) -> SourceSummary:
    """Add up the indexes of many files, in whatever order they come."""
    files = sorted(indexes, key=lambda index: index.path)
    nothing = FileIndex("", 0, 0, 0, None, 0)
    longest = max(files, key=lambda index: index.longest_function_lines, default=nothing)
    return SourceSummary(
        files=len(files),
        lines=sum(index.lines for index in files),
        functions=sum(index.functions for index in files),
        classes=sum(index.classes for index in files),
        longest_function=longest.longest_function,
        longest_function_path=longest.path if longest.longest_function else None,
        longest_function_lines=longest.longest_function_lines,
    )
