"""What can be told of a scenario by looking at its code, and at what it has from outside."""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

from taskqueue_edu.lab.interleave.patches import REAL
from taskqueue_edu.lab.interleave.scope import Scope


def made_outside(scenario: Callable[[], object], scope: Scope) -> list[str]:
    """Return the names of objects with locks that a scenario has from outside.

    Their locks are real, so a schedule can't decide who gets them; and each schedule goes on with
    what the last one has left in them.
    """
    return [
        name
        for name, value in _from_outside(scenario, scope, set())
        if any(
            isinstance(method, FunctionType) and scope.has(method.__code__)
            for method in vars(type(value)).values()
        )
        and any(type(part) in REAL for part in getattr(value, "__dict__", {}).values())
    ]


def asserts(scenario: Callable[..., object], scope: Scope) -> bool:
    """Tell whether a scenario, or a function of the learner's that it uses, may raise an error."""
    functions = [value for _, value in _from_outside(scenario, scope, set())]
    return any(
        step.opname in ("LOAD_ASSERTION_ERROR", "RAISE_VARARGS")
        for function in [scenario, *functions]
        if isinstance(function, FunctionType)
        for code in _codes(function.__code__)
        for step in dis.get_instructions(code)
    )


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Return code, and that of the functions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _from_outside(function: Any, scope: Scope, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Return what a function has from outside: its own, and that of the functions it has."""
    if not isinstance(function, FunctionType) or id(function) in seen:
        return
    seen.add(id(function))
    found: dict[str, Any] = {}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in cells:
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for code in _codes(function.__code__):
        for name in code.co_names:
            if name in function.__globals__:
                found.setdefault(name, function.__globals__[name])
    for name, value in found.items():
        if not isinstance(value, FunctionType):
            yield name, value
        elif scope.has(value.__code__):
            yield name, value
            yield from _from_outside(value, scope, seen)
