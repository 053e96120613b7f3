"""What a notebook shows things with: source, a prediction, the verdict on an exercise.

Everything printed here is the same on every run, so that nbval can compare it. The checks
themselves are plain asserts in the notebook, where the learner can read them.
"""

from __future__ import annotations

import dis
import inspect
import linecache
import sys
import textwrap
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType
from typing import Any, Final

from IPython.display import display

from taskqueue_edu.errors import TaskFailed

_PACKAGE: Final = Path(__file__).parents[1]


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


# -- source


class SourceView:
    """Source code: highlighted in a notebook, plain text elsewhere."""

    def __init__(self, title: str, code: str) -> None:
        self.title = title
        self.code = code

    def __repr__(self) -> str:
        return f"# {self.title}\n{self.code}"

    def _repr_markdown_(self) -> str:
        # A tilde fence: source may hold backticks.
        return f"`{self.title}`\n\n~~~python\n{self.code}\n~~~"


def show_source(*objects: Any) -> None:
    """Show the real source of functions, methods or classes of the library, with their file."""
    for thing in objects:
        file = Path(inspect.getsourcefile(thing) or "")
        if file.is_relative_to(_PACKAGE):
            file = file.relative_to(_PACKAGE.parent)
        code = textwrap.dedent(inspect.getsource(thing)).rstrip()
        display(SourceView(f"{file.as_posix()}: {thing.__qualname__}", code))


# -- predictions


def compare(prediction: Any, happened: Any) -> None:
    """Print a prediction beside what happened. `...` stands for no prediction."""
    if prediction is ...:
        _say(f"No prediction yet. What happened: {happened!r}")
    elif prediction == happened:
        _say(f"You predicted {happened!r}, and so it was.")
    else:
        _say(f"You predicted {prediction!r}. What happened: {happened!r}")


# -- exercises


class NotSolved(Exception):
    """The learner has not begun: the starter's `...` is still there."""


def needs(*parts: Any) -> None:
    """Say which functions and values an exercise needs. Raises NotSolved if one is still `...`."""
    for part in parts:
        if part is ...:
            raise NotSolved("a value is still ...")
        if isinstance(part, FunctionType) and _is_empty(part):
            raise NotSolved(f"{part.__qualname__} still has the body ...")


def _is_empty(function: FunctionType) -> bool:
    """Return whether the body is `...`, which compiles to nothing but `return None`."""
    for step in dis.get_instructions(function):
        if step.opname in ("LOAD_CONST", "RETURN_CONST"):
            if step.argval is not None:
                return False
        elif step.opname not in ("RESUME", "RETURN_VALUE", "NOP", "COPY_FREE_VARS"):
            return False
    return True


@contextmanager
def checking(name: str, right: str) -> Iterator[None]:
    """Run a block of asserts and print one verdict; no exception leaves the block.

    with checking("Exercise 1", right="Every file was indexed once."):
        needs(flush)
        assert flush(...) == ..., "what is wrong, and what that means"
    """
    try:
        yield
    except NotSolved as error:
        _say(f"{name}: not solved yet: {error}")
    except AssertionError as error:
        _say(f"{name}: not right yet. {str(error) or 'A check failed.'}")
    except TaskFailed as error:
        _say(f"{name}: not right yet. {_describe(error.__cause__ or error)}")
    except Exception as error:
        _say(f"{name}: not right yet. {_describe(error)}")
    else:
        _say(f"{name}: correct. {right}")


def _describe(error: BaseException) -> str:
    """Name the exception and the learner's line that raised it."""
    text = f"Your code raised {type(error).__name__}: {error}"
    frames = [(f.f_code.co_filename, n) for f, n in traceback.walk_tb(error.__traceback__)]
    return text + _learners_line(frames)


def _learners_line(frames: list[tuple[str, int]]) -> str:
    """Return the innermost line that stands in a cell, to be put after a sentence."""
    for file, number in reversed(frames):
        if "ipykernel_" in file or file.startswith("<"):
            return f"\n  at the line: {linecache.getline(file, number).strip()}"
    return ""


# -- running the learner's code with a time limit


def together(*calls: Callable[[], Any], seconds: float = 5.0, when: str = "") -> list[Any]:
    """Run each call in a thread of its own; return what each returned or the exception it raised.

    Raises AssertionError, with the line where it stands, if one has not ended after `seconds`.
    `when` describes the situation: it is put into that message.
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
                f"code.{_standing(thread)}"
            )
    return results


def within(seconds: float, call: Callable[[], Any], when: str = "") -> Any:
    """Return `call()`, run in a thread of its own. Raises AssertionError if it hangs."""
    (result,) = together(call, seconds=seconds, when=when)
    if isinstance(result, Exception):
        raise result
    return result


def _standing(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None:  # it has ended since
        return ""
    frames = [(f.f_code.co_filename, n) for f, n in traceback.walk_stack(frame)]
    return _learners_line(frames[::-1])
