"""How an instruction reaches an object: `self`, `self.jobs`, `shelf[0]`.

At run time `Expression.value` evaluates it again, without running any code of the learner.
"""

from __future__ import annotations

from collections import deque
from types import FrameType, MemberDescriptorType
from typing import Any, Final

UNKNOWN: Final = object()
"""The value of an expression that can't be told without running code of the learner."""


class Expression:
    """How an instruction reaches an object."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def value(self, frame: FrameType) -> Any:
        """Return the object in `frame` now, or UNKNOWN."""
        del frame
        return UNKNOWN


class Local(Expression):
    def value(self, frame: FrameType) -> Any:
        return frame.f_locals.get(self.name, UNKNOWN)


class Global(Expression):
    def value(self, frame: FrameType) -> Any:
        found = frame.f_globals.get(self.name, UNKNOWN)
        return frame.f_builtins.get(self.name, UNKNOWN) if found is UNKNOWN else found


class Attribute(Expression):
    __slots__ = ("base",)

    def __init__(self, base: Expression, name: str) -> None:
        super().__init__(name)
        self.base = base

    def value(self, frame: FrameType) -> Any:
        owner = self.base.value(frame)
        return UNKNOWN if owner is UNKNOWN else attribute(owner, self.name)


class Item(Expression):
    """`base[index]`, where the index is a constant or a variable."""

    __slots__ = ("base", "index")

    def __init__(self, base: Expression, index: Expression) -> None:
        super().__init__(base.name)
        self.base, self.index = base, index

    def value(self, frame: FrameType) -> Any:
        owner, index = self.base.value(frame), self.index.value(frame)
        if type(index) not in (int, str) or type(owner) not in (list, tuple, dict, deque):
            return UNKNOWN
        try:
            return owner[index]
        except (LookupError, TypeError):
            return UNKNOWN


class Constant(Expression):
    __slots__ = ("constant",)

    def __init__(self, constant: Any) -> None:
        super().__init__("")
        self.constant = constant

    def value(self, frame: FrameType) -> Any:
        del frame
        return self.constant


NEW: Final = Expression("")
"""What the instruction has just made: nobody else has it."""


def attribute(owner: Any, name: str) -> Any:
    """Return an attribute without running any code of its class; UNKNOWN if that takes some."""
    cls = type(owner)
    try:
        own = object.__getattribute__(owner, "__dict__")
    except AttributeError:
        own = None
    if own is not None and name in own:
        return own[name]
    for base in owner.__mro__ if isinstance(owner, type) else cls.__mro__:
        if name in base.__dict__:
            found = base.__dict__[name]
            if isinstance(found, MemberDescriptorType):
                try:
                    return found.__get__(owner)
                except AttributeError:
                    return UNKNOWN
            return UNKNOWN if hasattr(type(found), "__get__") else found
    return UNKNOWN


def attribute_holder(owner: Any, name: str) -> Any:
    """Return whose attribute `owner.name` is: its own, or that of a class it inherits from."""
    try:
        if name in object.__getattribute__(owner, "__dict__"):
            return owner
    except AttributeError:
        return owner
    for base in owner.__mro__ if isinstance(owner, type) else type(owner).__mro__:
        if name in base.__dict__:
            found = base.__dict__[name]
            return owner if hasattr(type(found), "__get__") else base
    return owner


GLOBAL: Final = Expression("global")
CELL: Final = Expression("cell")
"""Bases of two kinds of variables: those of a module, and those that closures share."""
NOBODY: Final = Expression("")
"""What an attribute is taken of when that can't be told."""
