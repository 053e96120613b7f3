"""What the checks of the exercises force a schedule with, so that each run gives one verdict."""

from __future__ import annotations

import ast
import inspect
import linecache
import os
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from taskqueue_edu.lab.exercises import import_file


class Deaths:
    """Collects what ends threads: `with Deaths() as deaths: ...`, then `deaths.errors`.

    Without it Python prints the error of a thread that nobody caught, and goes on.
    """

    def __init__(self) -> None:
        self.errors: list[BaseException] = []

    def _note(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self.errors.append(args.exc_value)

    def __enter__(self) -> Deaths:
        self._before = threading.excepthook
        threading.excepthook = self._note
        return self

    def __exit__(self, *_: object) -> None:
        threading.excepthook = self._before


def _learners_line(frames: list[tuple[str, int]], wanted: str = "") -> str:
    """Return the innermost line that stands in a cell or the file, to be put after a sentence."""
    for file, number in reversed(frames):
        if "ipykernel_" in file or file.startswith("<") or file == wanted:
            return f"\n  at the line: {linecache.getline(file, number).strip()}"
    return ""


def together(
    *calls: Callable[[], Any], seconds: float = 5.0, when: str = "", file: str = ""
) -> list[Any]:
    """Run each call in a thread of its own; return what each returned or the exception it raised.

    Raises AssertionError, with the line where it stands, if one has not ended after `seconds`.
    `when` describes the situation: it is put into that message. `file` is where the answer stands,
    if that is no cell.
    """
    results: list[Any] = [None] * len(calls)

    def run(number: int) -> None:
        try:
            results[number] = calls[number]()
        except Exception as error:
            results[number] = error

    threads = [
        threading.Thread(target=run, args=(n,), name=f"exercise-{n}", daemon=True)
        for n in range(len(calls))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
        if thread.is_alive():
            raise AssertionError(
                f"{when + ': a' if when else 'A'}fter {seconds:g} s a thread still hangs in your "
                f"code.{_standing(thread, file)}"
            )
    return results


def anew(answer: Any, name: str) -> Any:
    """Return the answer of that name as it is in a program that has just started.

    The definitions in its cell are run once more: counters begin where they did, and what is drawn
    at the start is drawn again. If that can't be done, the answer stays as it is.
    """
    function = inspect.unwrap(getattr(answer, "__func__", answer))
    try:
        tree = ast.parse("".join(linecache.getlines(function.__code__.co_filename)))
        tree.body = [step for step in tree.body if isinstance(step, _DEFINES)]
        # A cell that checks itself would never end.
        known = function.__globals__ | {"check": None}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "anew.py")
            path.write_text(ast.unparse(tree), encoding="utf-8")
            return getattr(import_file(path, known), name, answer)
    except Exception:
        return answer


_DEFINES = (
    ast.FunctionDef,
    ast.ClassDef,
    ast.Import,
    ast.ImportFrom,
    ast.Assign,
    ast.AnnAssign,
)


def opened(path: Path) -> list[int]:
    """Return the descriptors with which this process has a file or a folder open."""
    wanted, found = path.stat(), []
    for fd in range(1024):
        with suppress(OSError):
            if os.path.samestat(os.fstat(fd), wanted):
                found.append(fd)
    return found


def within(seconds: float, call: Callable[[], Any], when: str = "", file: str = "") -> Any:
    """Return `call()`, run in a thread of its own. Raises AssertionError if it hangs."""
    (result,) = together(call, seconds=seconds, when=when, file=file)
    if isinstance(result, Exception):
        raise result
    return result


def _standing(thread: threading.Thread, file: str) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None:  # it has ended since
        return ""
    frames = [(f.f_code.co_filename, n) for f, n in traceback.walk_stack(frame)]
    return _learners_line(frames[::-1], file)
