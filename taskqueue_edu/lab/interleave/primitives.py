"""What all primitives that let the schedule decide have in common.

They behave as those of `threading` do, but nothing blocks: a strand that has to wait says what for,
and another one goes on.

Not every operation needs a switch point before it. Whoever releases a lock needs none: whoever
wants it waits either way, so the moment before is like the moment after. That ends as soon as
somebody looks at the lock without waiting: see `Sharing.looked_at`.
"""

from __future__ import annotations

import ast
import linecache
import sys
from contextlib import suppress
from itertools import islice
from types import CodeType, FrameType
from typing import ClassVar, Final

from taskqueue_edu.lab.interleave.accesses import sites
from taskqueue_edu.lab.interleave.schedule import Run, me, run
from taskqueue_edu.lab.interleave.strands import Strand

_names: Final[dict[tuple[CodeType, int], str]] = {}


class Primitive:
    """What strands wait for. It is named after the variable that it was first assigned to."""

    kind: ClassVar[str] = ""

    def __init__(self, named: Primitive | str | None = None) -> None:
        self._named = named
        if named is not None:
            return
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_globals.get("__name__", "").startswith(_OURS):
            frame = frame.f_back
        if frame is None or me() is None:
            self._site: tuple[CodeType, int] | None = None
            return
        self._site = (frame.f_code, frame.f_lasti)
        current = run()
        self._several = self._site in current.numbered
        self._made = current.made
        self._made[self._site] = self._number = self._made.get(self._site, 0) + 1

    @property
    def name(self) -> str:
        """How the code under test calls it; with a number if it calls several so."""
        if self._named is not None:
            return self._named if isinstance(self._named, str) else self._named.name
        if self._site is None:
            return self.kind
        name = _names.get(self._site)
        if name is None:
            code, offset = self._site
            name = sites(code).stored.get(offset) or _in_source(code, offset) or self.kind
            _names[self._site] = name
        several = self._several or self._made[self._site] > 1
        return f"{name} {self._number}" if several else name

    @property
    def state(self) -> str:
        """How it is now, in a word or two."""
        return ""

    def why_nobody_wakes(self, strand: Strand) -> str:
        """Say it, if a wakeup meant for `strand` came when it did not wait; else ""."""
        del strand
        return ""

    def lock_needed_by(self, strand: Strand) -> Primitive | None:
        """Return the lock that `strand` still waits for though it was woken here, if any."""
        del strand
        return None

    def _look(self, current: Run) -> None:
        """Note that somebody looks without waiting."""
        current.sharing.see_look(self.kind)


def _in_source(code: CodeType, offset: int) -> str:
    """Return what the result of a call is assigned to, in `a = b = Lock()` or `a, b = Lock(), 1`.

    Bytecode moves these about on the stack, so it is looked up in the source, if there is one.
    """
    line, _, column, _ = next(islice(code.co_positions(), offset // 2, None))
    for node in ast.walk(_source(code.co_filename)):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = [*zip(target.elts, node.value.elts, strict=False)]
            for to, value in pairs:
                if (value.lineno, value.col_offset) == (line, column):
                    return getattr(to, "attr", "") or getattr(to, "id", "")
    return ""


def _source(file: str) -> ast.AST:
    with suppress(SyntaxError, ValueError):  # a cell with `!command` in it, say
        return ast.parse("".join(linecache.getlines(file)))
    return ast.Module([], [])


_OURS: Final = ("taskqueue_edu.lab.interleave.", "threading", "queue", "concurrent.futures._base")


def deadline_after(current: Run, timeout: float | None) -> float | None:
    """Return when a wait that begins now ends at the latest; None: it does not."""
    return None if timeout is None or timeout < 0 else current.now + timeout


def would_block(what: Primitive) -> RuntimeError:
    """Return the error for who waits for a primitive of a schedule outside of it."""
    return RuntimeError(f"{what.name} was made inside explore(), and can't be waited for outside")
