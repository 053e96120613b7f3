"""How values are shown in a schedule, without running any code of their classes."""

from __future__ import annotations

import weakref
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any, Final

from taskqueue_edu.lab.interleave.expressions import UNKNOWN
from taskqueue_edu.lab.interleave.primitives import Primitive

_SHOWN: Final = 6
"""How many items of a container are shown."""
_DICTS: Final = (dict, defaultdict, Counter, OrderedDict)


class Shown:
    """Shows values, and tells objects of a class apart: the second one is `<SourceFile 2>`."""

    def __init__(self) -> None:
        # By the `id()` of an object, which another one may get after its end.
        self._met: dict[int, tuple[weakref.ref[Any], int]] = {}
        self._counts: Counter[type] = Counter()

    def text(self, value: Any, depth: int = 2) -> str:
        """Describe a value; in containers, to a depth of so many."""
        kind = type(value)
        if isinstance(value, Primitive):
            return f"<{value.name}>"
        if value is UNKNOWN:
            return "?"
        if value is None or kind in (bool, int, float, str, bytes):
            text = repr(value)
            return text if len(text) <= 40 else text[:37] + "..."
        if kind not in (list, tuple, set, frozenset, deque, *_DICTS) or not depth:
            return f"<{kind.__name__}{self._number(value)}>"
        if kind in _DICTS:
            items = [
                f"{self.text(key, depth - 1)}: {self.text(item, depth - 1)}"
                for key, item in [*value.items()][:_SHOWN]
            ]
        else:
            items = [self.text(item, depth - 1) for item in [*value][:_SHOWN]]
        if len(value) > _SHOWN:
            items.append("...")
        if not items and kind in (set, frozenset):
            return "set()"
        inside = ", ".join(items)
        if kind is tuple:
            return f"({inside})"
        return f"[{inside}]" if kind in (list, deque) else f"{{{inside}}}"

    def _number(self, value: Any) -> str:
        ref, number = self._met.get(id(value), (None, 0))
        if ref is None or ref() is not value:
            try:
                ref = weakref.ref(value)
            except TypeError:  # a tuple, or one with __slots__
                return ""
            self._counts[type(value)] = number = self._counts[type(value)] + 1
            self._met[id(value)] = ref, number
        return f" {number}" if number > 1 else ""
