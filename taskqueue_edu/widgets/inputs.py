"""Inputs that work while a cell waits with `await`.

The browser sends one change of a widget at a time, and the next one when the kernel has said
that it is idle again. ipykernel 7 hears of a change while a cell waits, but says nothing of the
kind then, so the first change of each widget would be the last. (Clicks of a Button are sent
at once, whatever the kernel says.)
"""

from __future__ import annotations

from typing import Any

from ipywidgets import BoundedFloatText, BoundedIntText, Dropdown


class _Answering:
    comm: Any

    def set_state(self, state: Any) -> None:
        """Take a change over from the browser, and ask for the next one."""
        try:
            super().set_state(state)  # type: ignore[misc]  # the widget's that this is mixed into
        finally:
            # Busy again: so is the cell. If none waits, the kernel says "idle" afterwards itself.
            for status in ("idle", "busy"):
                self.comm.publish_msg("status", execution_state=status)


class Choice(_Answering, Dropdown):  # type: ignore[misc]  # ipywidgets has no annotations
    """One of several."""


class Whole(_Answering, BoundedIntText):  # type: ignore[misc]
    """A whole number."""


class Decimal(_Answering, BoundedFloatText):  # type: ignore[misc]
    """A number with decimals."""
