"""Which cell of the notebook is running, and a word when it runs again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.getipython import get_ipython


def in_notebook() -> bool:
    """Tell whether there is a notebook to show something in."""
    return getattr(get_ipython(), "kernel", None) is not None


def running_cell() -> str:
    """Return the id of the cell that is running; "" if whoever runs it gave none."""
    return str(_metadata().get("cellId") or "")


def when_it_goes(cell: str, end: Callable[[], None]) -> Callable[[], None]:
    """Call `end` as soon as the cell runs again or has been deleted; return how not to."""
    shell = get_ipython()
    if shell is None or not cell:
        return lambda: None

    def look(*_: object) -> None:
        metadata = _metadata()
        if cell == metadata.get("cellId") or cell in metadata.get("deletedCells", ()):
            end()

    shell.events.register("pre_run_cell", look)

    def forget() -> None:
        if look in shell.events.callbacks["pre_run_cell"]:
            shell.events.unregister("pre_run_cell", look)

    return forget


def _metadata() -> dict[str, Any]:
    """Return what the notebook sent along with the cell."""
    get_parent = getattr(get_ipython(), "get_parent", None)
    found: dict[str, Any] = get_parent().get("metadata", {}) if get_parent is not None else {}
    return found
