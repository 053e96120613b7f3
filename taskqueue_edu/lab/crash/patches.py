"""The simulated disk beside the real one, while the code under test runs."""

from __future__ import annotations

import builtins
import fcntl
import functools
import glob
import inspect
import io
import mmap
import os
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from taskqueue_edu.lab.crash.calls import routed, simulated
from taskqueue_edu.lab.crash.effects import Place
from taskqueue_edu.lab.crash.system import System

Slot: TypeAlias = tuple[dict[str, Any] | type, str, str]
"""A namespace, a name in it, and the simulated function that belongs there."""

_PACKAGE: Final = os.path.dirname(__file__)  # noqa: PTH120 - a prefix of file names
_LIBRARY: Final = (sysconfig.get_path("stdlib"), "<frozen ", _PACKAGE)
_one_at_a_time: Final = threading.RLock()


def place() -> Place | None:
    """Return the line that is running, outside of installed libraries and this package."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_LIBRARY) and "site-packages" not in name:
            return Place(name, frame.f_lineno)
        frame = frame.f_back  # type: ignore[assignment]
    return None


def _standard_slots() -> Iterator[Slot]:
    yield vars(builtins), "open", "open_file"
    yield vars(io), "open", "open_file"
    yield vars(io), "FileIO", "FileIO"
    yield vars(mmap), "mmap", "mmap"
    for name in simulated(System((), place)):
        for module in (os, fcntl):
            if hasattr(module, name):
                yield vars(module), name, name
        globber = getattr(glob, "_StringGlobber", None)  # keeps copies, from Python 3.13 on
        if globber is not None and name in vars(globber):
            yield globber, name, name


STANDARD_SLOTS: Final = tuple(_standard_slots())


def slots_for(functions: Iterable[Callable[..., Any]]) -> tuple[Slot, ...]:
    """Return where the functions of the system are to be replaced for these functions.

    That is also in every module that did `from os import fsync`, in the functions' own included.
    """
    spaces = {id(space): space for space in map(_globals, functions)}
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and not name.startswith(__package__):
            space = getattr(module, "__dict__", {})
            spaces[id(space)] = space
    which = {id(_get(owner, name)): function for owner, name, function in STANDARD_SLOTS}
    copies: list[Slot] = [
        (space, name, which[id(value)])
        for space in spaces.values()
        for name, value in list(space.items())
        if id(value) in which
    ]
    return (*STANDARD_SLOTS, *copies)


def _globals(function: Callable[..., Any]) -> dict[str, Any]:
    while isinstance(function, functools.partial):
        function = function.func
    return getattr(inspect.unwrap(function), "__globals__", {})


@contextmanager
def in_place(system: System, slots: tuple[Slot, ...] = STANDARD_SLOTS) -> Iterator[None]:
    """Put the simulated disk at all paths below its root, where there is nothing else.

    This thread can't write anywhere else meanwhile: OSError (EROFS). Others, such as those that it
    starts, can. At the end the disk goes off: what still holds a file open writes into nothing.
    """
    calls = simulated(system)
    with _one_at_a_time:
        before = [_get(owner, name) for owner, name, _ in slots]
        try:
            for (owner, name, which), real in zip(slots, before, strict=True):
                if isinstance(real, staticmethod):
                    call: Any = staticmethod(routed(which, real.__func__, calls[which], system))
                else:
                    call = routed(which, real, calls[which], system)
                _put(owner, name, call)
            yield
        finally:
            system.off = True
            for (owner, name, _), real in zip(slots, before, strict=True):
                _put(owner, name, real)


def _get(owner: dict[str, Any] | type, name: str) -> Any:
    return vars(owner)[name] if isinstance(owner, type) else owner[name]


def _put(owner: dict[str, Any] | type, name: str, value: Any) -> None:
    if isinstance(owner, type):
        setattr(owner, name, value)
    else:
        owner[name] = value
