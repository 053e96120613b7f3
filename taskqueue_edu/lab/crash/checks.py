"""What must hold after a crash: two checks, for a log and for a value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class NoList(TypeError):
    """A log is looked for in one value: that says nothing of the program, but of the check."""


class Acknowledged(list[Any]):
    """What was acknowledged before the crash, in order.

    `before` is what recovery found on the disk as it was at first. `later` are the values that are
    acknowledged next if nothing fails, `skipped` those that were passed over because something
    failed. They may be there after a crash: the program was at work on them.
    """

    def __init__(
        self,
        values: Iterable[Any],
        before: Any = None,
        later: Iterable[Any] = (),
        skipped: Iterable[Any] = (),
    ) -> None:
        super().__init__(values)
        self.before = before
        self.later = list(later)
        self.skipped = list(skipped)


def log_kept(acknowledged: Acknowledged, recovered: Iterable[Any]) -> None:
    """Check a log: what was acknowledged is there, in order; what else is there was written.

    Raises AssertionError; NoList if `recovered` is one text, and no list of them.
    """
    if isinstance(recovered, (bytes, str)):
        said = acknowledged + acknowledged.later + acknowledged.skipped
        # Its elements are numbers or single letters. Whoever acknowledges those has a log.
        if any(not isinstance(one, int) and str(one)[1:] for one in said):
            raise NoList(
                f"recover() returned {recovered!r}, and log_kept, which looks at it, compares "
                "lists. For one value use the keyword argument check=value_kept"
            )
    found, before = list(recovered), list(acknowledged.before or ())
    for value in before:
        assert found[:1] == [value], f"{value!r} was there before, and is no longer"
        del found[0]
    maybe = acknowledged.skipped + acknowledged.later
    missing = list(acknowledged)
    for value in found:
        if missing and value == missing[0]:
            del missing[0]
        elif value in maybe:
            maybe.remove(value)
        else:
            known = value in before or value in acknowledged
            wrong = "is there twice, or out of order" if known else "is there; nobody wrote that"
            raise AssertionError(f"{value!r} {wrong}")
    if missing:
        value = missing[0]
        told, there = acknowledged.count(value), found.count(value)
        text = "was acknowledged, and is not there"
        if told > there > 0:
            text = f"was acknowledged {told} times, and is there {'once' if there == 1 else there}"
        raise AssertionError(f"{value!r} {text}")


def value_kept(acknowledged: Acknowledged, recovered: Any) -> None:
    """Check a value that is replaced as a whole: the last one acknowledged, or a later one.

    Raises AssertionError.
    """
    last = acknowledged[-1] if acknowledged else acknowledged.before
    if recovered == last or recovered in acknowledged.later:
        return
    said = "was acknowledged" if acknowledged else "was there at first"
    raise AssertionError(f"{last!r} {said}, and recovery finds {recovered!r}")
