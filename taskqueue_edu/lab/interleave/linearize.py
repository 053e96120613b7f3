"""Whether an object that threads share behaves as if each call happened at one moment.

A history of calls is *linearizable* (Herlihy and Wing, 1990) if they can be put in a line, each
somewhere between its begin and its end, so that a plain object without any threads, called in that
order, returns the same. `History` notes the calls, `linearizable` looks for the line:

    def scenario():
        history = History(MyQueue())
        together(partial(history.call, "put", 1), partial(history.call, "get"))
        assert linearizable(Fifo, history.calls)

What a call raises counts as what it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """One call of a method: when it began and ended, and what came of it."""

    method: str
    arguments: tuple[Any, ...]
    begin: int
    end: int
    outcome: Any


class History:
    """Passes calls on to an object, and notes them."""

    def __init__(self, of: object) -> None:
        self._of = of
        self._moments = 0
        self.calls: list[Call] = []
        """The calls that have ended."""

    def call(self, method: str, *arguments: Any) -> Any:
        """Call the method; return what it returns, raise what it raises."""
        begin = self._moment()
        try:
            value = getattr(self._of, method)(*arguments)
        except Exception as error:
            self._note(method, arguments, begin, type(error))
            raise
        self._note(method, arguments, begin, value)
        return value

    def _note(self, method: str, arguments: tuple[Any, ...], begin: int, outcome: Any) -> None:
        self.calls.append(Call(method, arguments, begin, self._moment(), outcome))

    def _moment(self) -> int:
        self._moments += 1
        return self._moments


def linearizable(model: Callable[[], object], calls: Sequence[Call]) -> bool:
    """Whether `calls` can be put in an order in which a fresh `model()` does the same.

    Looks at each state with each set of calls once, so at most 2**n sets of n calls.
    """
    tried: set[tuple[frozenset[int], str]] = set()

    def search(left: frozenset[int], state: object) -> bool:
        if not left:
            return True
        key = (left, repr(getattr(state, "__dict__", state)))
        if key in tried:
            return False
        tried.add(key)
        first_end = min(calls[i].end for i in left)
        for i in sorted(left):
            if calls[i].begin < first_end:  # nothing that is left was over before it began
                after = deepcopy(state)
                if _outcome(after, calls[i]) == calls[i].outcome and search(left - {i}, after):
                    return True
        return False

    return search(frozenset(range(len(calls))), model())


def _outcome(state: object, call: Call) -> Any:
    try:
        return getattr(state, call.method)(*call.arguments)
    except Exception as error:
        return type(error)
