"""Operations of the lab itself, which need no stops.

CPython 3.11 calls back for every function that a traced thread calls, and runs each instruction of
it the slow way, even where nobody wants to stop. So an operation of a primitive switches that off
while it lasts. It must run no code under test meanwhile.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


def untraced(operation: Callable[_P, _T]) -> Callable[_P, _T]:
    """Have the calling thread's trace function rest while `operation` runs."""
    if sys.version_info >= (3, 12):  # where events of the code under test are all there are
        return operation
    gettrace, settrace = sys.gettrace, sys.settrace

    @wraps(operation)
    def quiet(*args: _P.args, **options: _P.kwargs) -> _T:
        trace = gettrace()
        if trace is None:
            return operation(*args, **options)
        settrace(None)
        try:
            return operation(*args, **options)
        finally:
            settrace(trace)

    return quiet
