"""What a notebook shows things with: source, and a number that was guessed beside the right one.

Everything printed here is the same on every run, so that nbval can compare it.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from pathlib import Path
from typing import Any, Final

from IPython.display import display

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
    """Print a prediction beside what happened. `...` stands for no prediction.

    A tuple may stand for a list, and the other way round.
    """
    rows = isinstance(prediction, (list, tuple)) and isinstance(happened, (list, tuple))
    if prediction is ...:
        _say(f"No prediction yet. What happened: {happened!r}")
    elif prediction == happened or (rows and list(prediction) == list(happened)):
        _say(f"You predicted {happened!r}, and so it was.")
    else:
        _say(f"You predicted {prediction!r}. What happened: {happened!r}")
